// SPDX-License-Identifier: MIT
// A pool of workers: three tasks take jobs from a bounded queue, and put their results into
// another one.
#include <cstdio>

#include <rondo/coroutine.h>

using namespace std::chrono_literals;

struct Result {
  int worker;
  int job;
};

rondo::Task<> work(int worker, rondo::Queue<int>& jobs, rondo::Queue<Result>& results) {
  while (const auto job = co_await jobs.pop()) {
    co_await rondo::sleep(*job * 10ms);  // the work
    const Result result{worker, *job};
    co_await results.push(result);
  }
}

rondo::Task<> submit(rondo::Queue<int>& jobs) {
  for (int job = 1; job <= 9; ++job) co_await jobs.push(job);
  jobs.close();
}

rondo::Task<> report(rondo::Queue<Result>& results) {
  while (const auto result = co_await results.pop())
    std::printf("worker %d has done job %d\n", result->worker, result->job);
}

rondo::Task<> program(rondo::Reactor& reactor) {
  rondo::Queue<int> jobs{3};
  rondo::Queue<Result> results{3};
  rondo::TaskGroup reporter{reactor};
  reporter.spawn(report(results));
  {
    rondo::TaskGroup workers{reactor};
    for (int worker = 1; worker <= 3; ++worker) workers.spawn(work(worker, jobs, results));
    workers.spawn(submit(jobs));
    co_await workers.join();
  }
  results.close();
  co_await reporter.join();
}

int main() { return rondo::run(program); }
