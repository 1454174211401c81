/*
 * Updates on their way to the server: one request at a time, what is typed meanwhile goes with the next one, and what
 * could not be sent is kept in this browser, so that closing the page loses nothing either.
 *
 * Sending twice is harmless: an update that is there already changes nothing.
 */
import {mergeUpdates} from './yjs.js';
import {decode, encode} from './base64.js';

const RETRY_FIRST = 500, RETRY_MAX = 8000;  // ms, doubled with each failure, random below that

export class Outbox {
  /** `told(state, message)` hears 'saved', 'saving', 'waiting' (no answer, trying again) and 'refused'. */
  constructor(pad, tab, told) {
    this.address = `/pads/${pad}/updates.json?page=${tab}`;
    this.prefix = `pad-${pad}-`;
    this.place = this.prefix + tab;
    this.told = told;
    this.unsent = null;                     // all that the server has not confirmed, as one update
    this.flying = null;                     // what of that is on its way
    this.number = 0;
    this.failures = 0;
    this.timer = null;
    this.started = new Map();               // request -> when, for the meter
    addEventListener('online', () => this.send());
    addEventListener('pagehide', () => this.leave());
  }

  add(update) {
    this.unsent = this.unsent ? mergeUpdates([this.unsent, update]) : update;
    this.keep();
    if (!this.failures) { this.send(); }    // else a retry is under way, and takes this along
  }

  /** What earlier pages could not send any more. */
  left() {
    const found = [];
    this.storage((store) => {
      for (const name of Object.keys(store)) {
        if (name.startsWith(this.prefix) && name !== this.place) { found.push([name, decode(store.getItem(name))]); }
      }
    });
    return found;
  }

  forget(name) { this.storage((store) => store.removeItem(name)); }

  send() {
    clearTimeout(this.timer);
    if (this.flying || !this.unsent) { return; }
    const update = this.flying = this.unsent, number = String(this.number += 1);
    this.unsent = null;
    this.started.set(number, performance.now());
    if (!this.failures) { this.told('saving'); }
    page.ask('POST', `${this.address}&number=${number}`, update, () => this.arrived(),
      (status, text) => this.failed(update, status, text), 'application/octet-stream');
  }

  arrived() {
    this.flying = null;
    this.failures = 0;
    this.keep();
    if (this.unsent) { this.send(); } else { this.told('saved'); }
  }

  failed(update, status, text) {
    this.flying = null;
    this.unsent = this.unsent ? mergeUpdates([update, this.unsent]) : update;
    this.failures += 1;
    if (status >= 400 && status < 500 && status !== 408 && status !== 429) {
      this.told('refused', reason(status, text));
      return;                               // it would be refused again; failures > 0 keeps add() from trying
    }
    this.told('waiting');
    this.timer = setTimeout(() => this.send(), Math.random() * Math.min(RETRY_MAX, RETRY_FIRST * 2 ** this.failures));
  }

  all() {
    return this.flying && this.unsent ? mergeUpdates([this.flying, this.unsent]) : this.flying || this.unsent;
  }

  keep() {
    const update = this.all();
    this.storage((store) => { if (update) { store.setItem(this.place, encode(update)); } else { store.removeItem(this.place); } });
  }

  /** The page is left: a last try that outlives it. What does not get through is still in the storage. */
  leave() {
    const update = this.all();
    if (update) { navigator.sendBeacon(this.address, new Blob([update], {type: 'application/octet-stream'})); }
  }

  storage(act) {
    try { act(localStorage); } catch (full) { /* or forbidden: then it is kept in memory only */ }
  }
}

function reason(status, text) {
  try { return JSON.parse(text).error.message; } catch (other) { return `the server answered ${status}`; }
}
