import { Logger, makeWorkerUtils, run, runMigrations } from "graphile-worker";
import { jobs, say, serve, url } from "./script.mjs";

// As its own performance test: nothing is logged for a job that went well.
process.env.NO_LOG_SUCCESS = "1";
const logger = new Logger(() => () => {});
const batching = {
  localQueue: { size: 500, refetchDelay: { durationMs: 10 } },
  completeJobBatchDelay: 0,
  failJobBatchDelay: 0,
};
const taskList = Object.fromEntries(Object.entries(jobs).map(([name, job]) => [name, ({ i }) => job(i)]));
let utils;

serve({
  migrate: () => runMigrations({ connectionString: url, logger }),
  async open() {
    utils ??= await makeWorkerUtils({ connectionString: url, logger });
  },
  async fill(job, count) {
    const CHUNK = 10_000;
    let last;
    for (let start = 0; start < count; start += CHUNK) {
      const length = Math.min(CHUNK, count - start);
      const specs = Array.from({ length }, (_, n) => ({ identifier: job, payload: { i: start + n } }));
      last = (await utils.addJobs(specs)).at(-1).id;
    }
    return last;
  },
  async push(job, number) {
    await this.open();
    await utils.addJob(job, { i: number });
  },
  async work(concurrentJobs) {
    const extra = process.env.BENCH_VARIANT ? batching : {};
    const worker = { connectionString: url, concurrentJobs, maxPoolSize: concurrentJobs + 1, logger, ...extra };
    const runner = await run({ preset: { worker }, taskList });
    say("ready");
    await runner.promise;
  },
});
