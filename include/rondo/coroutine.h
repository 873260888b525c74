// SPDX-License-Identifier: MIT
// rondo: everything about coroutines. rondo.h does not include it.
#pragma once

#include <rondo/child.h>
#include <rondo/combine.h>
#include <rondo/connection.h>
#include <rondo/datagrams.h>
#include <rondo/descriptor_wait.h>
#include <rondo/listener.h>
#include <rondo/off_thread.h>
#include <rondo/open_connection.h>
#include <rondo/queue.h>
#include <rondo/resolve.h>
#include <rondo/run.h>
#include <rondo/signals.h>
#include <rondo/sleep.h>
#include <rondo/sync.h>
#include <rondo/task.h>
#include <rondo/task_group.h>
#include <rondo/task_report.h>
#include <rondo/text_connection.h>
