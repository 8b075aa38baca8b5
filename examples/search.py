"""Similarity search over text files, in Python: queries are answered while text is still being read.

    python examples/search.py [-q QUERY]... [PATH]...

A thread reads files and counts words into hashed features, one stream turns those into embeddings, another one answers
queries. asyncio waits for both streams; nobody else waits. By default the project's own text is searched.
"""
import argparse
import asyncio
import pathlib
import re
import sys
import zlib

import headrace.core as mx
from headrace.streams import ready

FEATURES, DIMS, LINES, BATCH = 1024, 128, 12, 64
WORD = re.compile(r"\w+")


def features(text):
    """A row of FEATURES counts; a word's hash says where and with which sign."""
    row = [0.0] * FEATURES
    for word in WORD.findall(text.lower()):
        hashed = zlib.crc32(word.encode())
        row[hashed % FEATURES] += (1 if hashed >> 31 else -1) * min(len(word), 6) / 6
    return row


def files_of(paths):
    for path in map(pathlib.Path, paths):
        yield from sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]


def passages_of(path):
    """Places and texts of LINES lines each; nothing of files that are not text."""
    try:
        lines = path.read_text().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        print(f"{path}: skipped, {error}", file=sys.stderr)
        return
    for first in range(0, len(lines), LINES):
        yield f"{path}:{first + 1}", "\n".join(lines[first:first + LINES])


def batches_of(paths):
    """Lists of places with the features of their passages, BATCH of them at a time."""
    places, rows = [], []
    for path in files_of(paths):
        for place, text in passages_of(path):
            places.append(place)
            rows.append(features(text))
            if len(rows) == BATCH:
                yield places, mx.array(rows)
                places, rows = [], []
    if rows:
        yield places, mx.array(rows)


class Index:
    """Embeddings of passages, in blocks that never change: a search sees those that are there when it begins."""

    def __init__(self):
        self.embedding = mx.new_stream(mx.cpu)
        self.answering = mx.new_stream(mx.cpu)
        self.projection = mx.random.normal((FEATURES, DIMS), key=mx.random.key(1))
        self.places, self.blocks = [], []

    def embed(self, rows, stream):
        with mx.stream(stream):
            y = mx.sign(rows) * mx.sqrt(mx.abs(rows)) @ self.projection
            return y / mx.maximum(mx.linalg.norm(y, axis=1, keepdims=True), 1e-6)

    async def add(self, places, rows):
        block = await self.embed(rows, self.embedding)
        self.places += places
        self.blocks.append(block)

    async def search(self, query, top):
        """The best passages: pairs of score and place."""
        if not self.blocks:
            return []
        with mx.stream(self.answering):
            q = self.embed(mx.array([features(query)]), self.answering)
            scores = (mx.concatenate(self.blocks) @ q.T).flatten()
            best = mx.argsort(-scores)[:top]
            hits = mx.take(scores, best)
        best, hits = await ready(best, hits)
        return [(score, self.places[i]) for score, i in zip(hits.tolist(), best.tolist())]


async def read(index, paths):
    """Feeds the index; a thread reads the next batch while this one is embedded."""
    batches = batches_of(paths)
    following = asyncio.create_task(asyncio.to_thread(next, batches, None))
    while (batch := await following) is not None:
        following = asyncio.create_task(asyncio.to_thread(next, batches, None))
        await index.add(*batch)


async def answer(index, query, top):
    print(f'"{query}", of {len(index.places)} passages')
    for score, place in await index.search(query, top):
        print(f"  {score:.3f}  {place}")


async def main(options):
    index = Index()
    reading = asyncio.create_task(read(index, options.paths))
    while not reading.done():  # first answers, from what is there
        await asyncio.wait([reading], timeout=options.every)
        if not reading.done():
            await asyncio.gather(*(answer(index, query, options.top) for query in options.query))
    await reading
    print("all is read")
    for query in options.query:
        await answer(index, query, options.top)


if __name__ == "__main__":
    root = pathlib.Path(__file__).resolve().parent.parent
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("paths", nargs="*", default=[root / "docs", root / "include"], help="files and folders")
    parser.add_argument("-q", "--query", action="append", help="a question; may be given several times")
    parser.add_argument("--top", type=int, default=3, help="how many passages to show")
    parser.add_argument("--every", type=float, default=0.05, help="seconds between answers while text is read")
    given = parser.parse_args()
    given.query = given.query or ["callbacks in an event loop", "cancel the work of a stream"]
    asyncio.run(main(given))
