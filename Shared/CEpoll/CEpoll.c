#define _GNU_SOURCE
#include "CEpoll.h"

#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

int cepoll_accept(int listener) { return accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC); }

const short cepoll_spawn_new_session = POSIX_SPAWN_SETSID;

int cepoll_spawn_close_from(posix_spawn_file_actions_t *actions, int first) {
  return posix_spawn_file_actions_addclosefrom_np(actions, first);
}

int cepoll_pipe(int ends[2]) { return pipe2(ends, O_CLOEXEC); }

void cepoll_name_thread(const char *name) { pthread_setname_np(pthread_self(), name); }
