// Package harden keeps this process's memory to itself.
//
// Invariant: after Process has returned nil, a crash of this process writes no
// core file; on Linux, beyond that, no other process of the same user can
// attach to it or read its memory, unless it has the right to trace any
// process.
//
// What each system gives:
//
//   - Linux: no core file (RLIMIT_CORE is 0), and the process is not dumpable
//     (prctl PR_SET_DUMPABLE), which also covers core handlers that are given
//     the memory through a pipe. Programs that it starts, such as the browser,
//     are dumpable again, but inherit the limit.
//   - macOS and the BSDs: no core file. A signed, hardened build is what
//     refuses debuggers there.
//   - Windows: nothing. Crash dumps are made by Windows Error Reporting under
//     the user's own settings, and hold what was in memory.
package harden
