/*
 * A browser of the years 2001 to 2012, as far as longpoll.js can see: a fresh JavaScript realm with everything taken
 * out that ES3 did not have, a clock that moves when it is told to, and the network of js_network.js.
 */
'use strict';
const vm = require('vm');
const { fakeXhr, fakeXdr, fakeDocument } = require('./js_network.js');
const { fakeWebSocket, fakeEventSource } = require('./js_streams.js');

// What each built-in had: its own properties, and those of its prototype. All others go.
const ES3 = {
  Object: ['', 'toString toLocaleString valueOf hasOwnProperty isPrototypeOf propertyIsEnumerable'],
  Function: ['', 'toString apply call arguments caller name'],
  Array: ['', 'toString toLocaleString concat join pop push reverse shift slice sort splice unshift'],
  String: ['fromCharCode', 'toString valueOf charAt charCodeAt concat indexOf lastIndexOf localeCompare match ' +
    'replace search slice split substring toLowerCase toLocaleLowerCase toUpperCase toLocaleUpperCase'],
  Number: ['MAX_VALUE MIN_VALUE NaN NEGATIVE_INFINITY POSITIVE_INFINITY',
    'toString toLocaleString valueOf toFixed toExponential toPrecision'],
  // The flags are newer, but this engine's own replace() reads them.
  RegExp: ['', 'exec test toString source global ignoreCase multiline flags hasIndices unicode unicodeSets ' +
    'sticky dotAll'],
};
const GLOBALS = ('NaN Infinity undefined parseInt parseFloat isNaN isFinite decodeURI decodeURIComponent encodeURI ' +
  'encodeURIComponent escape unescape eval Object Function Array String Boolean Number Date RegExp Error EvalError ' +
  'RangeError ReferenceError SyntaxError TypeError URIError Math').split(' ');

function keepOnly(object, names) {
  for (const name of Object.getOwnPropertyNames(object)) {
    if (!names.includes(name)) Reflect.deleteProperty(object, name);  // constants such as MAX_SAFE_INTEGER stay
  }
}

function makeRealm(json) {
  const context = vm.createContext({});
  const global = vm.runInContext('this', context);
  keepOnly(global, json ? GLOBALS.concat('JSON') : GLOBALS);
  for (const [kind, [own, methods]] of Object.entries(ES3)) {
    keepOnly(global[kind], ['prototype', 'length', 'name', ...own.split(' ')]);
    keepOnly(global[kind].prototype, ['constructor', 'length', ...methods.split(' ')]);
  }
  const splice = global.Array.prototype.splice;
  global.Array.prototype.splice = function (...args) {
    return args.length < 2 ? [] : splice.apply(this, args);  // IE 8 removes nothing when not told how many
  };
  return { context, global };
}

class Clock {
  constructor() {
    this.time = 1700000000000;
    this.timers = [];
    this.errors = [];
    this.last = 0;
    this.turn = 0;                                    // how many timers have run
  }

  // `owner`: a page, whose timers stand still while it hangs.
  set(fn, delay, owner) {
    this.last += 1;
    this.timers.push({ id: this.last, fn, due: this.time + Math.max(0, Number(delay) || 0), owner });
    return this.last;
  }

  clear(id) {
    this.timers = this.timers.filter((timer) => timer.id !== id);
  }

  next() {
    return this.timers.filter((timer) => !timer.owner || !timer.owner.hung)
      .reduce((first, timer) => (first && first.due <= timer.due ? first : timer), null);
  }

  // Lets `ms` pass. A timer's error goes where a browser's goes: past the page, into `errors`.
  advance(ms) {
    const end = this.time + ms;
    for (let timer = this.next(); timer && timer.due <= end; timer = this.next()) {
      this.time = Math.max(this.time, timer.due);
      this.clear(timer.id);
      this.turn += 1;
      try { timer.fn(); } catch (error) { this.errors.push(error); }
    }
    this.time = end;
  }

  // The machine sleeps: time passes and no timer runs.
  sleep(ms) {
    this.time += ms;
    this.timers.forEach((timer) => { timer.due += ms; });
  }
}

// Events by addEventListener, or by IE's attachEvent, which passes the event as a global.
function addEvents(page, target, modern) {
  if (modern) {
    target.addEventListener = (name, fn) => { page.listeners.push({ name, fn }); };
    target.removeEventListener = (name, fn) => {
      page.listeners = page.listeners.filter((one) => one.name !== name || one.fn !== fn);
    };
  } else {
    target.attachEvent = (name, fn) => { page.listeners.push({ name: name.slice(2), fn }); };
  }
}

/*
 * options: xhr 'cors' | 'old' | 'activex' | false, xdr, json, events (addEventListener), href; websocket and
 * eventsource true | 'old'; clock, if it is another page's; install(page), called before the script runs. The default
 * is the poorest of all, which has only script tags.
 */
function makePage(source, options) {
  options = { xhr: false, xdr: false, json: false, events: false, ...options };
  const realm = makeRealm(options.json);
  const { global } = realm;
  const clock = options.clock || new Clock();
  const page = {
    clock, global, requests: [], streams: [], scripts: [], xdrs: [], listeners: [], random: 0.5, complaints: [],
    href: options.href || 'http://site.example/page',
    get pending() { return page.requests.filter((request) => !request.over); },
    get stream() { return page.streams[page.streams.length - 1]; },
    get last() { return page.requests[page.requests.length - 1]; },
    advance: (ms) => clock.advance(ms),
    fire(name, event) {
      global.event = event;
      const passed = options.events ? event || {} : undefined;
      page.listeners.filter((one) => one.name === name).forEach((one) => one.fn(passed));
    },
    hears: (name) => page.listeners.some((one) => one.name === name),
    inside: (code) => vm.runInContext(code, realm.context),
  };
  const location = new URL(page.href);
  // IE 8 cannot delete what was assigned to window.
  page.window = new Proxy(global, { deleteProperty(target, name) {
    if (!options.events) throw new TypeError('IE: Object doesn\'t support this action');
    return delete target[name];
  } });
  global.window = page.window;
  global.location = { protocol: location.protocol, host: location.host };
  global.navigator = { onLine: true };
  global.setTimeout = (fn, ms) => clock.set(fn, ms, page);
  global.clearTimeout = (id) => clock.clear(id);
  global.Math.random = () => page.random;
  const RealDate = Date;
  global.Date = function () { this.getTime = () => clock.time; };
  global.Date.parse = RealDate.parse;
  if (options.console) global.console = { error: (text) => page.complaints.push(text) };
  if (options.xhr === 'activex') global.ActiveXObject = fakeXhr(page, options);
  else if (options.xhr) global.XMLHttpRequest = fakeXhr(page, options);
  if (options.websocket) global.WebSocket = fakeWebSocket(page, options.websocket === 'old');
  if (options.eventsource) global.EventSource = fakeEventSource(page, options.eventsource !== 'old');
  if (options.xdr) global.XDomainRequest = fakeXdr(page);
  global.document = fakeDocument(page, options);
  addEvents(page, global, options.events);
  addEvents(page, global.document, options.events);
  if (options.events) global.onpagehide = null;
  if (options.install) options.install(page);
  vm.runInContext(source, realm.context, { filename: 'longpoll.js' });
  page.LongPoll = global.LongPoll;
  return page;
}

module.exports = { Clock, makePage };
