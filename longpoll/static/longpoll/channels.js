// Jobs: a state, the latest counts.

var LAST = {done: true, failed: true, cancelled: true, denied: true};

function Job(client, ticket) {
  this.name = ticket;
  this._client = client;
  this._handlers = [];
  this._event = null;        // the last one, and its data
  this._data = null;
  this._count = 0;           // events so far; a handler notes which one it was told last
  this._version = null;      // of that state
  this._asking = null;       // the request to cancel it
  this._stopped = false;
}

Job.prototype = {
  any: function (fn) { return this._on('*', fn); },

  cancel: function () {
    this._client._cancel(this, 0);
    return this;
  },

  stop: function () {
    this._stopped = true;
    this._client._drop(this);
  },

  _on: function (event, fn) {
    handle(this, event, fn);
    var job = this, handler = this._handlers[this._handlers.length - 1];
    if (this._count) { setTimeout(function () { job._tell(handler); }, 0); }
    return this;
  },

  _receive: function (event, data) {
    var handlers = this._handlers.slice(0);
    this._event = event;
    this._data = data || {};
    this._count += 1;
    if (LAST[event] === true) { this._client._drop(this); }
    for (var i = 0; i < handlers.length; i += 1) { this._tell(handlers[i]); }
  },

  // Whether that is what it was told last.
  _isAt: function (version) {
    var same = version === this._version;
    this._version = version;
    return same;
  },

  _tell: function (handler) {
    var any = handler.event === '*';
    if (this._stopped || handler.told === this._count || !(any || handler.event === this._event)) { return; }
    handler.told = this._count;
    call(handler.fn, any ? this._event : gist(this._event, this._data), this._data);
  }
};

function jobEvent(name) {
  Job.prototype[name] = function (fn) { return this._on(name, fn); };
}
var jobEvents = ['queued', 'running', 'progress', 'retrying', 'done', 'failed', 'cancelled', 'unknown', 'denied'];
while (jobEvents.length) { jobEvent(jobEvents.pop()); }

function gist(event, data) {
  if (event === 'progress') { return withPercent(data.progress || {}); }
  if (event === 'done') { return data.result; }
  if (event === 'failed' || event === 'retrying') { return data.error; }
  return data;               // of `denied`, the error itself
}

// Rounded down: 100 is said when it is true.
function withPercent(progress) {
  var known = progress.total > 0;
  return {
    done: progress.done, total: progress.total, message: progress.message,
    percent: known ? Math.max(0, Math.min(100, Math.floor(100 * progress.done / progress.total))) : null
  };
}

// Channels: a log, every message counts.

function Channel(client, name) {
  this.name = name;
  this._client = client;
  this._handlers = [];
}

Channel.prototype = {
  bind: function (event, fn) {
    return typeof event === 'function' ? handle(this, '*', event) : handle(this, event, fn);
  },

  unbind: function (event, fn) {
    var kept = [], i, handler, ours;
    for (i = 0; i < this._handlers.length; i += 1) {
      handler = this._handlers[i];
      ours = handler.event === event && (!fn || handler.fn === fn) || handler.event === '*' && handler.fn === event;
      if (!ours) { kept.push(handler); }
    }
    this._handlers = kept;
    return this;
  },

  denied: function (fn) { return handle(this, 'denied', fn); },

  unsubscribe: function () { this._client._drop(this); },

  _receive: function (event, data, message) { fire(this, event, data, message); }
};

// Handlers, of clients, jobs and channels alike.

function handle(owner, event, fn) {
  if (typeof fn !== 'function') { throw new Error('LongPoll: a callback is a function, not ' + fn); }
  owner._handlers.push({event: event, fn: fn, told: 0});
  return owner;
}

function handles(owner, event) {
  for (var i = 0; i < owner._handlers.length; i += 1) {
    if (owner._handlers[i].event === event || owner._handlers[i].event === '*') { return true; }
  }
  return false;
}

function fire(owner, event, a, b) {           // over a copy: a callback may bind and unbind
  var handlers = owner._handlers.slice(0);
  for (var i = 0; i < handlers.length; i += 1) {
    if (handlers[i].event === event) { call(handlers[i].fn, a, b); }
    if (handlers[i].event === '*') { call(handlers[i].fn, event, a, b); }
  }
}
