/*
 * longpoll.js: what background jobs do, live in the page; written for any browser since IE 6.
 *
 *   var live = LongPoll('http://host:9292');       // where longpoll-serve answers; '' = where the page came from
 *   live.job(ticket)
 *     .progress(function (progress, data) { bar.style.width = progress.percent + '%'; })
 *     .done(function (result, data) { alert('imported ' + result.imported); })
 *     .failed(function (error, data) { alert(error.message); });
 *   live.subscribe('news').bind('published', function (data, message) { ... });
 *
 * A page needs ONE client: it holds one request open for all its jobs and channels, and a browser opens only six
 * to a host (IE 7: two). Options, as second argument: {transport: 'xhr' | 'xdr' | 'jsonp', wait: seconds}. Without
 * them it is XMLHttpRequest where that reaches the address, else XDomainRequest (IE 8 and 9), else JSONP: script tags,
 * which work everywhere but show tickets in addresses (and logs), and take about fifteen tickets at a time: more than
 * that take turns of a second each.
 *
 *   client   .job(ticket)  .subscribe(channel)  .start()  .stop()
 *            .state        'connecting' | 'connected' | 'offline'
 *            .onstate(fn)  fn(state)
 *            .onreset(fn)  fn(): messages may have been missed; the present state of every job follows by itself
 *            .onerror(fn)  fn(message, error): the server refuses us for good, or a channel that has no denied()
 *   job      .queued(fn) .running(fn) .cancelled(fn)  fn(data)
 *            .unknown(fn)                             fn(data): not there yet, or no longer kept; it may still appear
 *            .progress(fn)                            fn({done, total, message, percent or null}, data)
 *            .retrying(fn) .failed(fn) .denied(fn)    fn(error, data)
 *            .done(fn)                                fn(result, data)
 *            .any(fn)  fn(event, data)                .stop()
 *            .cancel()  takes the job back, or has it told to stop, if the ticket allows it: ticket(cancel=True). How
 *                       that ends is told as ever, by cancelled(); that it was refused, by the client's onerror().
 *            A job is a state: a callback that comes late is called with the last event, if that is the one it is for.
 *   channel  .bind(event, fn)  fn(data, message)      .bind(fn)  fn(event, data, message)
 *            .unbind(event, fn)  .unbind(event)  .unbind(fn)  .denied(fn)  .unsubscribe()
 *
 * Duties of a client, in this order below:
 *   1. keep the list of what the page waits for (job, subscribe);
 *   2. poll: one request for all of them, the next one as soon as it is answered;
 *   3. deliver each message once, and only then move the cursor: a lost reply is asked for again;
 *   4. recover: back off when the server is away, drop what it denies, stop when it refuses;
 *   5. notice the world: back online, page shown, machine woken, page left.
 * Then: jobs and channels, the three transports, JSON.
 *
 * ES3 throughout, nothing assumed: no JSON, forEach, bind, addEventListener, Date.now; no reserved word after a dot,
 * no trailing comma, every try has its catch (IE 7 skips a finally without one).
 */
(function (root) {
  var WAIT = 25;               // s a request is held: below the 30 s after which some proxies give up
  var GRACE = 10;              // s beyond that until we call it lost: the server's own jitter (10 %) and a slow line
  var SPLIT_WAIT = 1;          // s each when one JSONP address cannot hold all channels, as the others wait meanwhile
  var GAP = 100;               // ms at least between two polls: messages that come thick come together
  var EMPTY_GAP = 1000;        // ms when the poll was empty: a server that does not hold must not be hammered
  var RETRY_FIRST = 500;       // ms, doubled with each failure; the delay is random below that (full jitter), so that
  var RETRY_MAX = 30000;       // ms  the pages a restart cut off do not all come back in the same instant
  var RETRY_AFTER_MAX = 300000;  // ms of a server's Retry-After that we believe
  var CANCEL_TRIES = 5;        // requests to cancel, when the server does not answer
  var TRIES = 2;               // failures of a transport that never worked until the next one gets its turn
  var TICK = 5000;             // ms between looks at the clock
  var SLEPT = 90000;           // ms of a jump that means "asleep": browsers run a hidden page's timers once a minute
  var SEEN = 500;              // messages remembered, so that one asked for again is not delivered again
  var ADDRESS_MAX = 1900;      // characters of a JSONP address before its last parameters (< 100): IE takes 2,083

  var live = [];               // clients that poll; also what keeps an XDomainRequest from being garbage-collected

  function LongPoll(url, options) {
    if (!(this instanceof LongPoll)) { return new LongPoll(url, options); }
    options = options || {};
    if (options.transport && !SEND[options.transport]) {
      throw new Error('LongPoll: transport is "xhr", "xdr" or "jsonp", not ' + options.transport);
    }
    this.state = 'connecting';
    this._url = String(url || '').replace(/\/+$/, '');
    this._wait = options.wait > 0 ? options.wait : WAIT;
    this._transports = options.transport ? [options.transport] : available(this._url);
    this._transport = 0;       // index of the one in use
    this._heard = false;       // has the server ever answered? Then this transport stays
    this._handlers = [];
    this._channels = [];       // jobs and channels, longest unasked first
    this._running = true;      // not stopped
    this._polling = false;     // running, and with something to wait for
    this._probe = true;        // ask with wait 0 next: gives a cursor, and tells that we are connected, at once
    this._request = null;      // the poll in flight
    this._timer = null;        // or the wait for the next one
    this._failures = 0;        // since the last reply
    this._notBefore = 0;       // Retry-After, as a time
    this._seen = {};
    this._seenOrder = [];
    watchPage();
  }

  LongPoll.prototype = {
    // 1. The list.

    job: function (ticket) { return this._open(Job, ticket); },
    subscribe: function (channel) { return this._open(Channel, channel); },
    onstate: function (fn) { return handle(this, 'state', fn); },
    onreset: function (fn) { return handle(this, 'reset', fn); },
    onerror: function (fn) { return handle(this, 'error', fn); },

    start: function () {
      if (!this._running) {
        this._running = true;
        this._wanted();
      }
      return this;
    },

    stop: function () {
      this._running = false;
      this._rest();
      this._enter('offline');
      return this;
    },

    _open: function (Kind, name) {
      if (typeof name !== 'string' || !name) {
        throw new Error('LongPoll: a ticket or channel is a string with something in it, not ' + name);
      }
      var channel = this._find(name);
      if (!channel) {
        channel = new Kind(this, name);
        this._channels.push(channel);
        this._wanted();
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
      remove(this._channels, channel);
      if (!this._channels.length) { this._rest(); }
    },

    // There is something new to wait for. The request in flight knows nothing of it, so it is given up: harmless, as
    // the cursor has not moved. The timer lets a page add twenty jobs at the cost of one.
    _wanted: function () {
      if (!this._running || !this._channels.length) { return; }
      if (!this._polling) {
        this._polling = true;
        live.push(this);
        watchClock();
        this._enter('connecting');
      }
      if (!this._failures) { this._schedule(0); }  // else a retry is under way, and will ask for this as well
    },

    _rest: function () {
      this._abort();
      clearTimeout(this._timer);
      remove(live, this);
      this._polling = false;
      this._failures = 0;
      this._probe = true;
    },

    // 2. Polling.

    _schedule: function (delay) {
      var client = this;
      clearTimeout(this._timer);
      delay = Math.max(delay, Math.min(this._notBefore - now(), RETRY_AFTER_MAX));
      this._timer = setTimeout(function () {
        client._abort();
        client._poll();
      }, delay);
    },

    _poll: function () {
      clearTimeout(this._timer);
      if (!this._polling || this._request) { return; }
      var client = this, transport = this._choose(), poll = this._compose(transport);
      function answer(status, reply, retryAfter) { client._answered(poll, status, reply, retryAfter); }
      this._request = poll;
      poll.watchdog = setTimeout(function () {
        client._abort();
        client._failed(0);
      }, (poll.wait + GRACE) * 1000);
      try {
        SEND[transport](this._url, poll, answer);
      } catch (refused) {                       // by the browser; the retry must not come from inside this call
        setTimeout(function () { answer(0); }, 0);
      }
    },

    // XDomainRequest does not say why it failed, and one expired ticket would fail the poll of all: after a failure
    // the next try goes by JSONP, where errors can be read.
    _choose: function () {
      var name = this._transports[this._transport];
      return name === 'xdr' && this._failures % 2 === 1 && this._transports.length > 1 ? 'jsonp' : name;
    },

    // All channels that stand at the same cursor go into one request: all there are, unless a JSONP address was too
    // short for them. Then each part keeps its own cursor, and they take turns.
    _compose: function (transport) {
      var cursor = this._channels[0]._cursor, batch = [], names = [], i, channel;
      for (i = 0; i < this._channels.length; i += 1) {
        channel = this._channels[i];
        if (channel._cursor === null || channel._cursor === cursor) {
          names.push(quote(channel.name));
          if (i > 0 && transport === 'jsonp' && address(this._url, names, cursor).length > ADDRESS_MAX) {
            names.pop();
          } else {
            batch.push(channel);
            channel._cursor = cursor;           // a new one starts where the others stand
          }
        }
      }
      var split = batch.length < this._channels.length;
      return {
        batch: batch, names: names, cursor: cursor, split: split, started: now(), abort: null, watchdog: null,
        wait: this._probe || this._failures ? 0 : split ? SPLIT_WAIT : this._wait
      };
    },

    _abort: function () {
      var poll = this._request;
      this._request = null;
      if (poll) {
        clearTimeout(poll.watchdog);
        try { poll.abort(); } catch (already) { /* gone, or never sent */ }
      }
    },

    // `reply` is text, or over JSONP what the text would say; status 0: there was no reply.
    _answered: function (poll, status, reply, retryAfter) {
      if (poll !== this._request) { return; }   // given up meanwhile: the next one brings the same again
      this._request = null;
      clearTimeout(poll.watchdog);
      reply = status === 204 ? {messages: []} : typeof reply === 'string' ? decoded(reply) : reply;
      var error = reply && reply.error;
      var refused = error && (status === 400 || status === 401 || status === 403);
      if ((status === 200 || status === 204) && reply && reply.messages && reply.messages.length >= 0) {
        this._deliver(poll, reply);
      } else if (refused && this._deny(error)) {
        this._heard = true;
        this._poll();
      } else if (refused) {
        this.stop();
        this._complain(error);
      } else {
        this._failed(status, retryAfter);
      }
    },

    // 3. Delivery.

    _deliver: function (poll, reply) {
      var i, message, channel;
      this._heard = true;
      this._probe = false;
      this._failures = 0;
      this._notBefore = 0;
      this._enter('connected');
      if (reply.reset) { fire(this, 'reset'); }
      for (i = 0; i < reply.messages.length; i += 1) {
        if (!this._running) { return; }         // stopped by a callback: start() asks for the rest
        message = reply.messages[i] || {};
        channel = this._find(message.channel);
        if (channel && !(channel instanceof Channel && this._again(message))) {
          channel._receive(message.event, message.data, message);
        }
      }
      for (i = 0; i < poll.batch.length; i += 1) {
        channel = poll.batch[i];
        if (reply.cursor !== undefined) { channel._cursor = reply.cursor; }
        if (poll.split && remove(this._channels, channel)) { this._channels.push(channel); }
      }
      var gap = !poll.wait ? 0 : reply.messages.length ? GAP : EMPTY_GAP;
      var delay = Math.min(gap, gap - (now() - poll.started));
      // Without a timer where there is nothing to wait for: timers of hidden pages are throttled, replies are not.
      if (delay > 0) { this._schedule(delay); } else { this._poll(); }
    },

    _again: function (message) {
      if (message.id === undefined || message.id === null) { return false; }
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
        fire(this, 'state', state);
      }
    },

    // 4. Recovery.

    _failed: function (status, retryAfter) {
      this._failures += 1;
      if (status !== 0) { this._heard = true; }
      // No answer at all, ever, with the network up: blocked, or no CORS. In a circle, because it may as well be the
      // server that is down, and its return finds whichever transport has its turn.
      if (status === 0 && !this._heard && !(root.navigator && root.navigator.onLine === false) &&
          this._failures % TRIES === 0) {
        this._transport = (this._transport + 1) % this._transports.length;
      }
      var asked = milliseconds(retryAfter);
      this._notBefore = asked ? now() + asked : 0;
      this._schedule(asked + Math.random() * Math.min(RETRY_MAX, RETRY_FIRST * Math.pow(2, this._failures - 1)));
      this._enter('offline');
    },

    // Drops the channels that an error names; false if it names none of ours.
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

    _complain: function (error) {
      if (handles(this, 'error')) {
        fire(this, 'error', error.message, error);
      } else if (root.console && root.console.error) {
        root.console.error('LongPoll: ' + error.message);
      }
    },

    // A request beside the poll. Only by POST: what fetches addresses ahead must not stop anything, so JSONP cannot.
    _cancel: function (job, failures) {
      var client = this, transport = this._transports[this._transport], answered = false;
      var ask = job._asking = {                 // IE holds no reference to what is in flight
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
        if (transport === 'jsonp') { throw new Error('this browser can only load scripts, and cancels no job'); }
        SEND[transport](this._url, ask, answer);
      } catch (refused) {
        setTimeout(function () { client._complain({message: refused.message}); }, 0);
      }
    },

    // 5. The world.

    // `stale`: a request in flight is not to be trusted any more, its connection died while nobody looked.
    _wake: function (stale) {
      if (stale) {
        this._abort();
        this._probe = true;
      }
      if (!this._request) { this._schedule(0); }
    },

    _leave: function () {                       // IE keeps the connections of pages left, and has only so many
      this._abort();
      clearTimeout(this._timer);
    }
  };

  function each(act, argument) {                // over a copy: a callback may stop its client
    var clients = live.slice(0);
    for (var i = 0; i < clients.length; i += 1) { clients[i][act](argument); }
  }

  var watching = false;

  function watchPage() {
    if (watching) { return; }
    watching = true;
    listen(root, 'online', function () { each('_wake', true); });
    listen(root, 'pageshow', function (event) { each('_wake', event.persisted === true); });
    listen(root.document, 'visibilitychange', function () {
      if (!root.document.hidden) { each('_wake', slept()); }
    });
    // A listener for `unload` keeps a page out of the back/forward cache: only where there is nothing better.
    listen(root, 'onpagehide' in root ? 'pagehide' : 'unload', function () { each('_leave'); });
  }

  var looked = 0, ticking = false;

  function slept() {
    var jumped = now() - looked > SLEPT;
    looked = now();
    return jumped;
  }

  function watchClock() {
    if (ticking) { return; }
    ticking = true;
    looked = now();
    setTimeout(tick, TICK);
  }

  function tick() {
    if (slept()) { each('_wake', true); }
    ticking = live.length > 0;
    if (ticking) { setTimeout(tick, TICK); }
  }

  // Jobs: a state, the latest counts.

  var LAST = {done: true, failed: true, cancelled: true, denied: true};

  function Job(client, ticket) {
    this.name = ticket;
    this._client = client;
    this._cursor = null;
    this._handlers = [];
    this._event = null;        // the last one, and its data
    this._data = null;
    this._count = 0;           // events so far; a handler notes which one it was told last
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
    this._cursor = null;
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

  // Transports. Each sends `poll`, calls answer(status, reply, retryAfter) once and later, and sets poll.abort.

  function available(url) {
    var here = root.location || {}, origin = /^(https?:)?\/\/[^\/?#]+/i.exec(url), foreign = false, names = [];
    if (origin) {
      origin = (origin[1] ? origin[0] : here.protocol + origin[0]).toLowerCase();
      foreign = origin !== (here.protocol + '//' + here.host).toLowerCase();
    }
    if (foreign ? root.XMLHttpRequest && 'withCredentials' in new root.XMLHttpRequest()
                : root.XMLHttpRequest || root.ActiveXObject) {
      names.push('xhr');
    } else if (foreign && root.XDomainRequest && origin.indexOf(here.protocol + '//') === 0) {
      names.push('xdr');                        // which never goes from http to https or back
    }
    names.push('jsonp');
    return names;
  }

  // POST, as IE caches GET; text/plain, as anything else costs a CORS preflight.
  function body(poll) {
    return poll.text || '{"channels":[' + poll.names.join(',') + '],"cursor":' +
      (poll.cursor === null ? 'null' : quote(poll.cursor)) + ',"wait":' + poll.wait + '}';
  }

  function address(url, names, cursor) {
    return url + '/poll?channels=' + encodeURIComponent('[' + names.join(',') + ']') +
      (cursor === null ? '' : '&cursor=' + encodeURIComponent(cursor));
  }

  var scripts = 0, prefix = '_longpoll_' + Math.random().toString(36).slice(2) + '_';

  var SEND = {
    xhr: function (url, poll, answer) {
      var xhr = root.XMLHttpRequest ? new root.XMLHttpRequest() : new root.ActiveXObject('Microsoft.XMLHTTP');
      poll.abort = function () {
        xhr.onreadystatechange = nothing;       // IE reports an abort as an answer, and throws at null
        xhr.abort();
      };
      xhr.open('POST', url + (poll.path || '/poll'), true);
      xhr.setRequestHeader('Content-Type', 'text/plain');
      xhr.onreadystatechange = function () {
        if (xhr.readyState !== 4) { return; }
        xhr.onreadystatechange = nothing;       // breaks the circle that IE leaks
        var status = 0, text = '', retryAfter = null;
        try {
          status = xhr.status === 1223 ? 204 : xhr.status > 999 ? 0 : xhr.status;  // IE: 204, and 120xx: no network
          text = xhr.responseText;
          if (status === 429 || status === 503) { retryAfter = xhr.getResponseHeader('Retry-After'); }
        } catch (aborted) { status = 0; }
        answer(status, text, retryAfter);
      };
      xhr.send(body(poll));
    },

    // IE 8 and 9 abort at random unless all four handlers stand, and send() comes from another call than open().
    xdr: function (url, poll, answer) {
      var xdr = poll.xdr = new root.XDomainRequest();  // held from here: in flight, IE holds no reference itself
      function lost() { answer(0); }
      poll.abort = function () {
        poll.abort = nothing;
        xdr.abort();
      };
      xdr.open('POST', url + (poll.path || '/poll'));
      xdr.onload = function () { answer(200, xdr.responseText); };
      xdr.onerror = lost;
      xdr.ontimeout = lost;
      xdr.onprogress = nothing;
      xdr.timeout = (poll.wait + GRACE) * 1000;
      setTimeout(function () {
        if (poll.abort !== nothing) { xdr.send(body(poll)); }
      }, 0);
    },

    // The callback stays behind when its script is given up: the script may still come, and must find a function.
    jsonp: function (url, poll, answer) {
      var doc = root.document, script = doc.createElement('script'), name = prefix + (scripts += 1);
      function clean() {
        script.onload = script.onerror = script.onreadystatechange = nothing;
        if (script.parentNode) { script.parentNode.removeChild(script); }
      }
      function missing() {
        clean();
        answer(0);
      }
      poll.abort = clean;
      root[name] = function (reply) {
        clean();
        try { delete root[name]; } catch (ie8) { root[name] = undefined; }
        answer(statusOf(reply), reply);
      };
      script.onload = script.onerror = missing;
      if (!doc.addEventListener) {              // IE 8 has neither, and says "loaded" at times before the script ran
        script.onreadystatechange = function () {
          if (/loaded|complete/.test(script.readyState)) { setTimeout(missing, GAP); }
        };
      }
      script.charset = 'utf-8';
      script.src = address(url, poll.names, poll.cursor) + '&wait=' + poll.wait + '&callback=' + name + '&_=' + now();
      var head = doc.getElementsByTagName('head')[0] || doc.documentElement;
      head.insertBefore(script, head.firstChild);
    }
  };

  // JSONP has no status. An error that names channels, or calls something bad, is a refusal; any other may pass.
  function statusOf(reply) {
    var error = reply && reply.error;
    if (!error) { return 200; }
    if (error.status) { return error.status; }
    return (error.channels && error.channels.length) || /^(bad|invalid|expired|forbidden)/.test(error.code) ? 403 : 503;
  }

  function milliseconds(retryAfter) {           // a number of seconds, or a date
    var ms = /^\s*\d+\s*$/.test(retryAfter) ? retryAfter * 1000 : Date.parse(retryAfter) - now();
    return ms > 0 ? Math.min(ms, RETRY_AFTER_MAX) : 0;
  }

  // What the language lacked.

  function nothing() {}

  function now() { return new Date().getTime(); }

  // A page's callback that throws is reported by the browser as ever, and stops nobody else's delivery.
  function call(fn, a, b, c) {
    try { fn(a, b, c); } catch (error) { setTimeout(function () { throw error; }, 0); }
  }

  function remove(list, item) {
    for (var i = 0; i < list.length; i += 1) {
      if (list[i] === item) { list.splice(i, 1); return true; }
    }
    return false;
  }

  function listen(target, event, fn) {
    if (target && target.addEventListener) {
      target.addEventListener(event, fn, false);
    } else if (target && target.attachEvent) {
      target.attachEvent('on' + event, function () { fn(root.event || {}); });
    }
  }

  // JSON. Strings are quoted here even where JSON is: Prototype.js breaks JSON.stringify for arrays.

  function escaped(character) {
    return '\\u' + ('000' + character.charCodeAt(0).toString(16)).slice(-4);
  }

  function quote(text) { return '"' + String(text).replace(/["\\]|[^\x20-\x7e]/g, escaped) + '"'; }

  function decoded(text) {
    try { return root.JSON && root.JSON.parse ? root.JSON.parse(text) : decode(text); } catch (broken) { return null; }
  }

  // Evaluated, but only when nothing in it can act: with strings, numbers and the three words taken out, brackets,
  // commas and colons are all that may be left. No name, no operator, no call gets through.
  function decode(text) {
    var bones = text.replace(/"[^"\\\x00-\x1f]*(?:\\(?:["\\\/bfnrt]|u[\da-fA-F]{4})[^"\\\x00-\x1f]*)*"/g, ' ')
      .replace(/-?\b\d+(?:\.\d+)?(?:[eE][+\-]?\d+)?\b|\b(?:true|false|null)\b/g, ' ');
    if (/[^\[\]{}:, \t\r\n]/.test(bones)) { throw new Error('LongPoll: not JSON'); }
    return new Function('return (' + text.replace(/[\x7f-\uffff]/g, escaped) + ')')();
  }

  root.LongPoll = LongPoll;
  if (typeof module !== 'undefined' && module.exports) { module.exports = LongPoll; }
})(typeof window !== 'undefined' ? window : this);
