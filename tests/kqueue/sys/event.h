// SPDX-License-Identifier: MIT
// rondo's tests: the part of the header of kqueue(2) that backends/kqueue.cpp may use, for Linux.
// emulator.cpp implements the two calls. This is the smallest common part of the systems: it has
// neither EVFILT_USER nor kqueue1(). The struct is that of FreeBSD 12, the largest.
#pragma once
#pragma GCC system_header  // -Wshadow: a function and a struct have the same name

#include <stdint.h>
#include <sys/types.h>
#include <time.h>

struct kevent {
  uintptr_t ident;
  short filter;
  unsigned short flags;
  unsigned int fflags;
  int64_t data;
  void* udata;
  uint64_t ext[4];
};

#define EVFILT_READ (-1)
#define EVFILT_WRITE (-2)
#define EVFILT_PROC (-5)

#define NOTE_EXIT 0x80000000U

#define NOTE_LOWAT 0x0001

#define EV_ADD 0x0001
#define EV_DELETE 0x0002
#define EV_ENABLE 0x0004
#define EV_DISABLE 0x0008
#define EV_ONESHOT 0x0010
#define EV_CLEAR 0x0020
#define EV_RECEIPT 0x0040
#define EV_DISPATCH 0x0080
#define EV_ERROR 0x4000
#define EV_EOF 0x8000

extern "C" {
int kqueue(void);
int kevent(int kq, const struct kevent* changelist, int nchanges, struct kevent* eventlist,
           int nevents, const struct timespec* timeout);
}
