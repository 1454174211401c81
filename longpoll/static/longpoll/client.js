// The client: what a page sees of it all.
//   1. It keeps the list of what the page waits for (job, subscribe).
//   2. It tells each message once.
//   3. It drops what the server denies, and stops when it is refused altogether.
//   4. It asks for a job to be cancelled.

var CANCEL_TRIES = 5;        // requests to cancel, when the server does not answer
var SEEN = 2000;             // messages remembered, so that one asked for again is not delivered again

function LongPoll(url, options) {
  if (!(this instanceof LongPoll)) { return new LongPoll(url, options); }
  options = options || {};
  this.state = 'connecting';
  this.transport = null;     // by which the news comes
  this.shared = false;       // whether another tab asks for this one
  this._handlers = [];
  this._channels = [];
  this._running = true;      // not stopped
  this._seen = {};
  this._seenOrder = [];
  this._link = new Link(String(url || '').replace(/\/+$/, ''), options, this);
  // What was chosen for one page is not handed to another.
  this._tabs = new Tabs(this, this._link, options.transport || (options.transports || []).join(' '));
  this._tabs.off = options.share === false;
  watchPage();
}

LongPoll.prototype = {
  // 1. The list.

  job: function (ticket) { return this._open(Job, ticket); },
  subscribe: function (channel, cursor) { return this._open(Channel, channel, cursor); },
  onstate: function (fn) { return handle(this, 'state', fn); },
  ontransport: function (fn) { return handle(this, 'transport', fn); },
  onreset: function (fn) { return handle(this, 'reset', fn); },
  onerror: function (fn) { return handle(this, 'error', fn); },

  start: function () {
    if (!this._running) {
      this._running = true;
      if (this._channels.length) { this._begin(); }
    }
    return this;
  },

  stop: function () {
    this._running = false;
    this._rest();
    this._enter('offline');
    return this;
  },

  _open: function (Kind, name, cursor) {
    if (typeof name !== 'string' || !name) {
      throw new Error('LongPoll: a ticket or channel is a string with something in it, not ' + name);
    }
    var channel = this._find(name);
    if (!channel) {
      channel = new Kind(this, name);
      this._channels.push(channel);
      if (cursor) { this._link.wants.goOn(name, cursor); } else { this._link.wants.renew(name); }
      if (this._running) { this._begin(); }
    } else if (!(channel instanceof Kind)) {
      throw new Error('LongPoll: ' + name + ' is in use both as job() and subscribe()');
    }
    return channel;
  },

  _find: function (name) {
    for (var i = 0; i < this._channels.length; i += 1) {
      if (this._channels[i].name === name) { return this._channels[i]; }
    }
    return null;
  },

  _drop: function (channel) {
    if (remove(this._channels, channel)) {
      this._tabs.drop(channel.name);
      this._restIfIdle();
    }
  },

  _begin: function () {
    if (!this._link.running) {
      this._link.running = true;
      live.push(this);
      watchClock();
      this._enter('connecting');
      this._tabs.open();
    }
    this._link.changed();
  },

  _restIfIdle: function () {
    if (!this._link.wants.list.length) { this._rest(); }
  },

  _rest: function () {
    this._tabs.leave();
    this._link.rest();
    remove(live, this);
  },

  // 2. Telling. The link asks its owner before it holds a request, and tells what comes.

  _elsewhere: function () { return this._tabs.elsewhere(); },
  _isUndecided: function () { return this._tabs.undecided(); },

  _heard: function (reply, poll) {
    this._tabs.hand(reply, poll);
    return this._told(reply);
  },

  // False if a callback has stopped it: the rest is to be asked for again.
  _told: function (reply) {
    var i, message, channel;
    if (reply.reset) { fire(this, 'reset'); }
    for (i = 0; i < reply.messages.length; i += 1) {
      if (!this._running) { return false; }
      message = reply.messages[i] || {};
      channel = this._find(message.channel);
      if (channel && !this._again(channel, message, reply.reset)) {
        channel._receive(message.event, message.data, message);
      }
    }
    return true;
  },

  // A job may come back to a state that it has been in; told twice in a row, that is the same, except after a reset.
  _again: function (channel, message, reset) {
    if (message.id === undefined || message.id === null) { return false; }
    if (channel instanceof Job) { return channel._isAt(message.id) && !reset; }
    var key = message.id + ' ' + message.channel;
    if (this._seen[key] === true) { return true; }
    this._seen[key] = true;
    this._seenOrder.push(key);
    if (this._seenOrder.length > SEEN) { delete this._seen[this._seenOrder.shift()]; }
    return false;
  },

  _enter: function (state) {
    if (this.state !== state) {
      this.state = state;
      this._tabs.handState();
      fire(this, 'state', state);
    }
  },

  _carried: function (transport) {
    if (this.transport !== transport) {
      this.transport = transport;
      this._tabs.handState();
      fire(this, 'transport', transport);
    }
  },

  // 3. Refusals.

  // False if the error names nothing that is asked for.
  _denied: function (error) {
    var ours = this._deny(error), others = this._tabs.deny(error);
    return ours || others;
  },

  _deny: function (error) {
    var named = error.channels || [], any = false, i, channel;
    for (i = 0; i < named.length; i += 1) {
      channel = this._find(named[i]);
      if (channel) {
        any = true;
        this._drop(channel);
        if (!handles(channel, 'denied')) { this._complain(error); }
        channel._receive('denied', error, {channel: channel.name, event: 'denied', data: error});
      }
    }
    return any;
  },

  _refused: function (error) {
    if (!this._tabs.disband()) {
      this.stop();
      this._complain(error);
    }
  },

  _complain: function (error) {
    if (handles(this, 'error')) {
      fire(this, 'error', error.message, error);
    } else if (root.console && root.console.error) {
      root.console.error('LongPoll: ' + error.message);
    }
  },

  // 4. Cancelling: a request beside the poll. Only by POST: what fetches addresses ahead must not stop anything, so
  // JSONP cannot.
  _cancel: function (job, failures) {
    var client = this, link = this._link, transport = link.ladder.poster(), answered = false;
    var ask = job._asking = {                   // IE holds no reference to what is in flight
      path: '/job/cancel', text: '{"ticket":' + quote(job.name) + '}', wait: 0
    };
    function answer(status, reply) {
      if (answered) { return; }
      answered = true;
      var error = (decoded(String(reply)) || {}).error;
      if (status === 200) { return; }
      if (failures + 1 < CANCEL_TRIES && (status === 0 || status === 429 || status >= 500)) {
        setTimeout(function () { client._cancel(job, failures + 1); }, RETRY_FIRST * Math.pow(2, failures));
      } else {
        client._complain(error || {message: 'a job could not be cancelled: no answer', status: status});
      }
    }
    try {
      if (!transport) { throw new Error('this browser can only load scripts, and cancels no job'); }
      SEND[transport](link.url, ask, answer);
    } catch (refused) {
      setTimeout(function () { client._complain({message: refused.message}); }, 0);
    }
  }
};
