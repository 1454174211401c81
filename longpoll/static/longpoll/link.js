// The link: asks the server for all that is wanted, and tells its owner what came. In this order below it
//   1. asks: first by a request that is answered at once, then by a stream, or by requests that are held;
//   2. tells each reply, and only then moves the cursors: what is lost on the way is asked for again;
//   3. recovers: backs off when the server is away, drops what it denies, stops when it refuses;
//   4. wakes and leaves with its page, and asks for other tabs, or has them ask for it.

var WAIT = 25;               // s a request is held: below the 30 s after which some proxies give up
var GRACE = 10;              // s beyond that until we call it lost: the server's own jitter (10 %) and a slow line
var SPLIT_WAIT = 1;          // s each when one request cannot hold all channels, as the others wait meanwhile
var GAP = 100;               // ms at least between two polls: messages that come thick come together
var EMPTY_GAP = 1000;        // ms when the poll was empty: a server that does not hold must not be hammered
var RETRY_FIRST = 500;       // ms, doubled with each failure; the delay is random below that (full jitter), so that
var RETRY_MAX = 30000;       // ms  the pages a restart cut off do not all come back in the same instant
var FRESH = 1000;            // ms: what was told so lately needs no asking before another tab goes on from there
var RETRY_AFTER_MAX = 300000;  // ms of a server's Retry-After that we believe

function Link(url, options, owner) {
  this.url = url;
  this.wait = options.wait > 0 ? options.wait : WAIT;
  this.owner = owner;
  this.ladder = new Ladder(url, options);
  this.wants = new Wants(url);
  this.running = false;
  this.probe = true;         // ask with wait 0 next: gives a cursor, and tells that we are connected, at once
  this.request = null;       // the request in flight, or the stream that carries the news
  this.trial = null;         // a stream that has not said anything yet
  this.timer = null;         // until the next request
  this.dirty = false;        // something is wanted that the request in flight does not ask for
  this.failures = 0;         // since the last reply
  this.notBefore = 0;        // Retry-After, as a time
  this.replies = 0;
}

Link.prototype = {
  // 1. Asking.

  // There is something new to ask for. The request in flight knows nothing of it, so it is given up: harmless, as
  // the cursor has not moved. The timer lets a page add twenty jobs at the cost of one.
  changed: function () {
    if (this.running && !this.failures) {     // else a retry is under way, and will ask for this as well
      this.dirty = true;
      this.schedule(0);
    }
  },

  schedule: function (delay) {
    var link = this;
    clearTimeout(this.timer);
    delay = Math.max(delay, Math.min(this.notBefore - now(), RETRY_AFTER_MAX));
    this.timer = setTimeout(function () {
      if (!link.dirty || !link.askAlso()) { link.ask(); }
    }, delay);
  },

  // A websocket is told what else is wanted from where it stands, which is all there is to do; any other request is
  // given up.
  askAlso: function () {
    var stream = this.request, cursor = stream && stream.batch[0].cursor, poll;
    if (stream && stream.again && !this.wants.mixed) {
      poll = this.compose();
      if (!poll.split && poll.cursor === cursor) {
        this.dirty = false;
        stream.batch = poll.batch;
        stream.again(poll);
        this.watch(stream);
        return true;
      }
    }
    this.abort();
    return false;
  },

  ask: function () {
    clearTimeout(this.timer);
    if (!this.running || this.request || !this.wants.list.length) { return; }
    if (!this.probe && !this.failures && !this.wants.isBehind() && this.owner._elsewhere()) { return; }
    var poll = this.compose(), stream = null, alone = !this.ladder.requests.length;
    this.dirty = false;
    if (!this.trial && (alone || poll.wait && !poll.split)) { stream = this.ladder.stream(poll); }
    if (stream) {
      this.open(stream, poll);
      if (!alone) { this.schedule(this.ladder.proved[stream] ? PROOF : PATIENCE); }
    } else if (!alone) {
      this.send(poll);
    }
  },

  compose: function () {
    var poll = this.wants.next(this.ladder.poll(this.failures));
    poll.wait = this.probe || this.failures || poll.hasty ? 0 : poll.split ? SPLIT_WAIT : this.wait;
    poll.started = now();
    poll.abort = nothing;
    return poll;
  },

  send: function (poll) {
    var link = this;
    function answer(status, reply, retryAfter) { link.answered(poll, status, reply, retryAfter); }
    this.request = poll;
    this.watch(poll);
    if (poll.wait) { this.owner._carried(poll.transport); }
    try {
      SEND[poll.transport](this.url, poll, answer);
    } catch (refused) {                       // by the browser; the retry must not come from inside this call
      setTimeout(function () { answer(0); }, 0);
    }
  },

  abort: function () {
    var request = this.request, trial = this.trial;
    this.request = this.trial = null;
    giveUp(request);
    giveUp(trial);
  },

  // 2. Replies.

  // `reply` is text, or over JSONP what the text would say; status 0: there was no reply.
  answered: function (poll, status, reply, retryAfter) {
    if (poll !== this.request) { return; }    // given up meanwhile: the next one brings the same again
    this.request = null;
    clearTimeout(poll.watchdog);
    reply = status === 204 ? {messages: []} : typeof reply === 'string' ? decoded(reply) : reply;
    if ((status === 200 || status === 204) && isNews(reply)) {
      this.deliver(poll, reply);
    } else {
      this.refused(status, reply && reply.error, retryAfter);
    }
  },

  deliver: function (poll, reply) {
    this.probe = false;
    this.failures = this.notBefore = 0;
    this.replies += 1;
    this.ladder.answered();
    if (poll.stream) { this.owner._carried(poll.transport); }
    this.owner._enter('connected');
    if (!this.owner._heard(reply, poll)) { return; }  // stopped by a callback: start() asks for the rest
    this.wants.told(poll, reply.cursor);
    if (poll.stream) {
      this.listenOn(poll, reply);
    } else if (this.running) {
      this.askNext(poll, reply);
    }
  },

  // Without a timer where there is nothing to wait for: timers of hidden pages are throttled, replies are not.
  askNext: function (poll, reply) {
    var gap = !poll.wait ? 0 : reply.messages.length ? GAP : EMPTY_GAP;
    var delay = Math.min(gap, gap - (now() - poll.started));
    if (delay > 0) { this.schedule(delay); } else { this.ask(); }
  },

  // 3. Recovery.

  // No request takes longer, no stream is silent for longer.
  watch: function (poll, patience) {
    var link = this;
    clearTimeout(poll.watchdog);
    poll.watchdog = setTimeout(function () {
      if (poll.stream) {
        poll.silent = true;
        link.lost(poll);
      } else {
        link.failed(0);
      }
    }, patience || ((poll.stream ? this.wait : poll.wait) + GRACE) * 1000);
  },

  refused: function (status, error, retryAfter) {
    if (!error || status !== 400 && status !== 401 && status !== 403) {
      this.failed(status, retryAfter, error);
    } else if (this.owner._denied(error)) {
      this.ladder.answered();
      this.ask();
    } else {
      this.owner._refused(error);
    }
  },

  failed: function (status, retryAfter, ours) {
    var asked = milliseconds(retryAfter);
    this.abort();                             // a stream on trial has no better luck
    this.failures += 1;
    this.ladder.failed(status, this.failures, ours);
    this.notBefore = asked ? now() + asked : 0;
    this.schedule(asked + Math.random() * Math.min(RETRY_MAX, RETRY_FIRST * Math.pow(2, this.failures - 1)));
    this.owner._enter('offline');
  },

  // 4. The page, and other tabs.

  rest: function () {
    this.running = false;
    this.leave();
    this.wants.part();
    this.failures = 0;
    this.probe = true;
  },

  leave: function () {                        // IE keeps the connections of pages left, and has only so many
    this.abort();
    clearTimeout(this.timer);
  },

  // `stale`: what is in flight is not to be trusted any more, its connection died while nobody looked.
  wake: function (stale) {
    if (stale) {
      this.wants.part();
      this.doubt(0);
    }
    if (!this.request) { this.schedule(0); }
  },

  // Another tab is to ask for us from now on, or we are again, or for others as well.
  restart: function () {
    var joined = this.wants.part(), request = this.request;
    if (joined || this.trial || request && (request.wait || request.stream)) {
      this.doubt(0);
    } else {                                  // it is asking anew already, maybe for a part
      this.wants.doubt(FRESH);
    }
    if (!this.failures) { this.ask(); }
  },

  doubt: function (age) {
    this.abort();
    this.wants.doubt(age);
    this.probe = true;
  },

  // Others wait for us to ask for what they want. What is answered at once is not interrupted: it is about to be done.
  askForAll: function () {
    var request = this.request;
    if (this.failures || request && !request.wait) { return; }
    this.abort();
    this.ask();
  }
};

function isNews(reply) { return !!(reply && reply.messages && reply.messages.length >= 0); }

function giveUp(poll) {
  if (poll) {
    clearTimeout(poll.watchdog);
    try { poll.abort(); } catch (already) { /* gone, or never sent */ }
  }
}

function milliseconds(retryAfter) {           // a number of seconds, or a date
  var ms = /^\s*\d+\s*$/.test(retryAfter) ? retryAfter * 1000 : Date.parse(retryAfter) - now();
  return ms > 0 ? Math.min(ms, RETRY_AFTER_MAX) : 0;
}
