// rondo: all of it.
#pragma once

#include <rondo/acceptor.h>
#include <rondo/backend.h>
#include <rondo/backoff.h>
#include <rondo/connector.h>
#include <rondo/endpoint.h>
#include <rondo/function.h>
#include <rondo/handler.h>
#include <rondo/net.h>
#include <rondo/reactor.h>
#include <rondo/resolver.h>
#include <rondo/result.h>
#include <rondo/signal.h>
#include <rondo/socket.h>
#include <rondo/time.h>
#include <rondo/timer.h>
#include <rondo/version.h>
