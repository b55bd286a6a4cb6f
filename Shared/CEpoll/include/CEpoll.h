// Linux calls that Swift cannot import by itself: macros, variadic functions and headers Glibc's module map leaves out.
#ifndef CEPOLL_H
#define CEPOLL_H

#include <spawn.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/pidfd.h>
#include <sys/sendfile.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

/// Accepts one connection: non-blocking and closed on exec (`accept4`).
int cepoll_accept(int listener);

/// The flag of `posix_spawn` that gives the child a session of its own (`POSIX_SPAWN_SETSID`).
extern const short cepoll_spawn_new_session;

/// Lets the child have no descriptor from `first` on (`posix_spawn_file_actions_addclosefrom_np`).
int cepoll_spawn_close_from(posix_spawn_file_actions_t *actions, int first);

/// Makes a pipe whose ends are closed on exec (`pipe2`).
int cepoll_pipe(int ends[2]);

/// Names the calling thread (at most 15 bytes), as `top -H` and debuggers show it.
void cepoll_name_thread(const char *name);

#endif
