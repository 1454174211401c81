/*
 * A longpoll server for the pages of js_page.js: nodes that read one log, each a little behind. Answers by itself.
 *
 * A cursor is "position;job:version,job:version". Channels that begin with "job" are jobs, all others are logs.
 */
'use strict';

const HOLD = 25000;

class Server {
  constructor(browser, random) {
    Object.assign(this, { browser, random, clock: browser.clock, log: [], jobs: {}, waiting: new Set() });
    this.nodes = [0, 0];                              // how much of the log each has read
    this.away = false;                                // nothing gets through
  }

  serve(tab) {
    Object.assign(tab, { heard: {}, begins: {}, serve: (request) => this.take(tab, request) });
    return tab;
  }

  // A little later, in order, if both are still there.
  soon(request, tell) {
    request.due = Math.max(request.due || 0, this.clock.time + 1 + Math.floor(this.random() * 20));
    this.clock.set(() => { if (!isOver(request)) tell(); }, request.due - this.clock.time, request.page);
  }

  take(tab, request) {
    const node = this.random() < 0.5 ? 0 : 1;
    if (this.away) {
      this.soon(request, () => (request.fail ? request.fail() : request.drop()));
    } else if (request.fail) {
      this.soon(request, () => this.wait({ tab, request, node, ends: this.clock.time + request.wait * 1000,
        channels: Array.from(request.channels), since: read(request.cursor), at: request.cursor, once: true,
        hasty: request.wait === 0 }));
    } else {
      this.soon(request, () => this.upgrade(tab, request, node));
    }
  }

  upgrade(tab, stream, node) {
    stream.asks = (asked) => {
      stream.asked = asked;
      stream.frames += 1;
      this.soon(stream, () => this.listen(tab, stream, node, asked));
    };
    stream.accept();
  }

  listen(tab, stream, node, asked) {
    const old = stream.waiter;
    if (old) this.waiting.delete(old);
    const at = old ? write(old.since) : asked.cursor;
    stream.waiter = { tab, request: stream, node, ends: 0, channels: asked.channels, since: read(at), at, hasty: !old };
    this.wait(stream.waiter);
  }

  wait(waiter) {
    if (!waiter.since) {
      waiter.since = { position: this.nodes[waiter.node], versions: {} };
      waiter.fresh = true;
      waiter.hasty = true;
    }
    this.waiting.add(waiter);
    this.answer(waiter);
  }

  answer(waiter) {
    const { request, since, channels } = waiter;
    if (isOver(request) || this.away) { this.waiting.delete(waiter); return; }
    const position = Math.max(since.position, this.nodes[waiter.node]);
    const messages = [];
    for (let i = since.position; i < position; i += 1) {
      if (channels.includes(this.log[i].channel)) messages.push(this.log[i]);
    }
    const versions = {};
    for (const name of channels.filter((one) => one.startsWith('job'))) {
      const version = this.jobs[name] || 0;
      versions[name] = version;
      if (since.versions[name] !== version) {
        messages.push({ channel: name, event: 'running', data: { version }, id: `v${version}` });
      }
    }
    if (!messages.length && !waiter.hasty && this.clock.time < waiter.ends) return;
    waiter.since = { position, versions };
    waiter.hasty = false;
    waiter.ends = this.clock.time + HOLD;
    if (waiter.once) this.waiting.delete(waiter);
    const cursor = write(waiter.since);
    this.soon(request, () => {
      this.began(waiter, waiter.fresh ? position : since.position);
      request.reply(messages, cursor);
    });
  }

  // From here on this tab must hear all on the channels that are its own.
  began({ tab, channels }, position) {
    for (const name of channels) {
      if (name in tab.heard && !(name in tab.begins)) tab.begins[name] = position;
    }
  }

  publish(channel) {
    this.log.push({ channel, event: 'said', data: this.log.length, id: String(this.log.length) });
    this.nodes.forEach((_, node) => {
      this.clock.set(() => { this.nodes[node] = this.log.length; this.look(); }, Math.floor(this.random() * 300));
    });
  }

  change(job) {
    this.jobs[job] = (this.jobs[job] || 0) + 1;
    this.look();
  }

  look() { for (const waiter of [...this.waiting]) this.answer(waiter); }

  // Everything that was under way is cut off.
  cut() {
    this.waiting.clear();
    for (const tab of this.browser.tabs) {
      for (const request of tab.pending) request.fail();
      for (const stream of tab.streams.filter((one) => !one.over)) stream.drop();
    }
  }

  start() {
    const beat = () => { this.look(); this.clock.set(beat, 500); };
    beat();
    return this;
  }
}

// A script that was given up is loaded all the same, but its page does not listen.
function isOver(request) { return request.over || Boolean(request.script && !request.script.parentNode); }

function read(text) {
  if (text === null || text === undefined) return null;
  const cursors = text.split('|').map((one) => {
    const [position, jobs] = one.split(';');
    return { position: Number(position), versions: Object.fromEntries(jobs.split(',').filter(Boolean).map((pair) => {
      const [name, version] = pair.split(':');
      return [name, Number(version)];
    })) };
  });
  const [first, ...more] = cursors;
  const shown = ([name, version]) => more.every((other) => other.versions[name] === version);
  const versions = Object.entries(first.versions).filter(shown);
  return { position: Math.min(...cursors.map((one) => one.position)), versions: Object.fromEntries(versions) };
}

function write({ position, versions }) {
  return `${position};${Object.entries(versions).map((pair) => pair.join(':')).join(',')}`;
}

module.exports = { Server, isOver };
