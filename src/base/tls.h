/* src/base/tls.h - thread-local storage of the library (R26): single pointers, with blocks of their own behind them.
 * The model is initial-exec: an access is one instruction and no call, also in a shared library. The price is that all
 * of it comes out of the few hundred spare bytes that the C library keeps for libraries loaded late: the whole library
 * stays under 256 bytes, so a variable here is one pointer. */
#ifndef HR_BASE_TLS_H
#define HR_BASE_TLS_H

#define HR_THREAD_LOCAL _Thread_local __attribute__((tls_model("initial-exec")))

#endif
