// The loops of script.py, for peers on Node. A script is {migrate, fill, push, work}, all asynchronous.
import { openSync, writeSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

export const url = process.env.BENCH_URL;
const WARM_UP = 20;
const opened = {};

const now = () => process.hrtime.bigint(); // the monotonic clock that all processes share
const seconds = (since) => Number(now() - since) / 1e9;

export function stamp(number, variable = "BENCH_STAMPS") {
  const at = now();
  opened[variable] ??= openSync(process.env[variable], "a");
  writeSync(opened[variable], `${number} ${at}\n`);
}

// By these names every peer knows the three jobs.
export const jobs = {
  noop: async () => {},
  wait: () => sleep(1),
  stamp: async (number) => stamp(number),
};

export const say = (...words) => console.log(words.join(" "));

export async function serve(script) {
  const [verb, job, first, second] = process.argv.slice(2);
  if (verb === "migrate") await script.migrate();
  if (verb === "fill") {
    await script.open?.();
    const start = now();
    const last = await script.fill(job, Number(first));
    say("filled", last ?? "None", seconds(start));
  }
  if (verb === "push") {
    for (let number = 0; number < WARM_UP; number++) await script.push(job, number);
    const start = now();
    let count = 0;
    for (; seconds(start) < Number(first); count++) await script.push(job, count);
    say("pushed", count, seconds(start));
  }
  if (verb === "pace") {
    let due = Number(now()) / 1e6;
    for (let number = 0; number < Number(first); number++) {
      due += 1000 / Number(second);
      await sleep(Math.max(0, due - Number(now()) / 1e6));
      stamp(number, "BENCH_PUSHED");
      await script.push(job, number);
    }
    say("paced");
  }
  if (verb === "work") return script.work(Number(job));
  process.exit(0);
}
