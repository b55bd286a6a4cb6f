#define _GNU_SOURCE
#include "CEpoll.h"

#include <pthread.h>

int cepoll_accept(int listener) { return accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC); }

void cepoll_name_thread(const char *name) { pthread_setname_np(pthread_self(), name); }
