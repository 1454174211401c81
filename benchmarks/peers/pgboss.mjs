import { PgBoss } from "pg-boss";
import { jobs, say, serve, url } from "./script.mjs";

const CHUNK = 10_000;
let boss;

async function started(more = {}) {
  if (boss) return boss;
  boss = new PgBoss({ connectionString: url, supervise: false, schedule: false, ...more });
  boss.on("error", (error) => console.error(error));
  await boss.start();
  return boss;
}

serve({
  async migrate() {
    await started();
    for (const job of Object.keys(jobs)) await boss.createQueue(job, { notify: true });
  },
  open: started,
  async fill(job, count) {
    for (let start = 0; start < count; start += CHUNK) {
      const length = Math.min(CHUNK, count - start);
      await boss.insert(job, Array.from({ length }, (_, n) => ({ data: { i: start + n } })));
    }
  },
  async push(job, number) {
    await started();
    await boss.send(job, { i: number });
  },
  async work(slots) {
    await started({ useListenNotify: true, supervise: true });
    // A handler gets a batch and the batch ends with it: so many slots are batches of which each job runs at once.
    const options = { batchSize: Math.max(slots, 500), burstWhenBatchFull: true, pollingIntervalSeconds: 0.5 };
    for (const [name, job] of Object.entries(jobs)) {
      const batchSize = name === "wait" ? slots : options.batchSize;
      await boss.work(name, { ...options, batchSize }, (batch) => Promise.all(batch.map(({ data }) => job(data.i))));
    }
    say("ready");
  },
});
