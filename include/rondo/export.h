// rondo: the mark of what the library shows. Everything else in it is hidden.
#pragma once

#define RONDO_EXPORT __attribute__((visibility("default")))
