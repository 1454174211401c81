/*
 * One browser with several tabs: pages of js_page.js that share a clock, and hear each other by BroadcastChannel, by
 * localStorage (by `echo`, as in IE, also in the tab that wrote), or not at all; with or without locks.
 */
'use strict';
const { Clock, makePage } = require('./js_page.js');

const DELAY = 1;                                      // ms that a word takes from tab to tab

class Browser {
  constructor(source, options) {
    this.source = source;
    this.options = { bus: 'channel', locks: true, ...options };
    this.clock = new Clock();
    this.tabs = [];                                   // those that are there
    this.locks = new Map();                           // name -> [{tab, granted, signal}], the first has it
    this.said = [];                                   // every word, in order
    this.lost = null;                                 // a function: true for a word that gets lost
  }

  tab(page, url, clientOptions) {
    const options = { xhr: 'cors', events: true, json: true, clock: this.clock, ...this.options, ...page };
    const tab = makePage(this.source, { ...options, install: (made) => this.install(made) });
    this.tabs.push(tab);
    tab.open = (more) => { tab.client = tab.LongPoll(url || '', { ...clientOptions, ...more }); return tab.client; };
    return tab;
  }

  install(page) {
    const { window } = page;
    Object.assign(page, { buses: [], hung: false, gone: false, seed: (this.tabs.length + 1) / 100 });
    window.Math.random = () => { page.seed = (page.seed * 7.13 + 0.137) % 1; return page.seed; };
    if (this.options.bus === 'channel') window.BroadcastChannel = this.channels(page);
    if (this.options.bus === 'storage') window.localStorage = this.storage(page);
    if (this.options.bus === 'forbidden') {
      Object.defineProperty(page.global, 'localStorage', { get: () => { throw new Error('SecurityError'); } });
    }
    if (this.options.locks && this.options.bus === 'channel') this.addLocks(page);
  }

  // `hear` runs in every other tab, a moment later, when that tab has its turn.
  spread(page, word, hear) {
    this.said.push(word);
    for (const other of this.tabs) {
      if ((other !== page || this.options.echo) && !(this.lost && this.lost(word, other))) {
        this.clock.set(() => { if (!other.gone) hear(other); }, DELAY, other);
      }
    }
  }

  channels(page) {
    const browser = this;
    return function BroadcastChannel(name) {
      const self = this;
      page.buses.push(self);
      self.name = name;
      self.close = () => { page.buses = page.buses.filter((one) => one !== self); };
      self.postMessage = (message) => {
        if (!page.buses.includes(self)) throw new Error('InvalidStateError: closed');
        const text = JSON.stringify(message);
        browser.spread(page, message, (other) => {
          for (const bus of other.buses.slice()) {
            if (bus.name === name) bus.onmessage({ data: other.inside(`JSON.parse(${JSON.stringify(text)})`) });
          }
        });
        for (const bus of page.buses) {
          if (bus.name === name && bus !== self) {
            browser.clock.set(() => bus.onmessage({ data: page.inside(`(${text})`) }), DELAY, page);
          }
        }
      };
    };
  }

  storage(page) {
    const stored = this.stored = this.stored || {};
    const tell = (key, newValue) => {
      if (!newValue) return;
      this.spread(page, JSON.parse(newValue), (other) => other.fire('storage', { key, newValue }));
    };
    return {
      setItem: (key, value) => {
        if (value.length > 5000) throw new Error('QuotaExceededError');
        stored[key] = value;
        tell(key, value);
      },
      removeItem: (key) => { delete stored[key]; },
    };
  }

  addLocks(page) {
    const { window } = page;
    const promise = { catch: () => promise };
    window.Promise = function (executor) {
      executor(() => {
        this.done = true;
        if (this.resolved) this.resolved();
      });
    };
    window.AbortController = function () {
      const signal = this.signal = { aborted: false };
      this.abort = () => { signal.aborted = true; };
    };
    window.navigator.locks = {
      request: (name, options, granted) => {
        const queue = this.locks.get(name) || [];
        this.locks.set(name, queue);
        queue.push({ tab: page, granted, signal: options.signal, held: false });
        this.grant(name);
        return promise;
      },
    };
  }

  grant(name) {
    const queue = this.locks.get(name);
    const first = queue[0];
    if (!first || first.held) return;
    first.held = true;
    this.clock.set(() => {
      const next = () => { if (queue[0] === first) { queue.shift(); this.grant(name); } };
      if (first.tab.gone || (first.signal && first.signal.aborted)) return next();
      const kept = first.granted();
      if (!kept || kept.done) return next();
      kept.resolved = next;
      return null;
    }, DELAY, first.tab);
  }

  // The tab is gone, and says nothing; its locks are free.
  kill(tab) {
    tab.gone = true;
    tab.hung = false;
    this.tabs = this.tabs.filter((other) => other !== tab);
    this.clock.timers = this.clock.timers.filter((timer) => timer.owner !== tab);
    for (const one of tab.pending.concat(tab.streams)) one.over = one.closed = true;
    for (const [name, queue] of this.locks) {
      const held = queue[0] && queue[0].tab === tab;
      const left = queue.filter((one) => one.tab !== tab);
      queue.splice(0, queue.length, ...left);
      if (held) this.grant(name);
    }
  }

  close(tab) {
    tab.fire('pagehide');
    this.kill(tab);
  }

  get errors() { return this.clock.errors; }
}

module.exports = { Browser };
