// A graphile-worker process with its batching on, as its documentation on performance sets it up.
import { run } from "graphile-worker";

const concurrentJobs = Number(process.env.BENCH_SLOTS);
const worker = {
  connectionString: process.env.DATABASE_URL,
  concurrentJobs,
  maxPoolSize: concurrentJobs + 1,
  localQueue: { size: 500, refetchDelay: { durationMs: 10 } },
  completeJobBatchDelay: 0,
  failJobBatchDelay: 0,
};
const runner = await run({ preset: { worker }, taskList: { noop: async () => {} } });
console.log("ready");
await runner.promise;
