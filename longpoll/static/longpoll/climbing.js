// How the link comes by a stream, and loses it. In this order below it
//   1. opens one beside what works, and holds a request meanwhile if that takes long;
//   2. trusts it when it has said something;
//   3. listens on, as long as that is what is wanted;
//   4. goes one rung down when it breaks.

var PROOF = 4000;            // ms from opening a stream to its first word, which the server says at once
var PATIENCE = 1000;         // ms of that until a request is held beside it

Link.prototype.open = function (name, poll) {
  var link = this;
  function lost() { link.lost(poll); }
  poll.transport = name;
  poll.stream = true;
  poll.replies = this.replies;
  this.trial = poll;
  this.watch(poll, PROOF);
  try {
    OPEN[name](this.url, poll, function (text) { link.hear(poll, decoded(text)); }, lost);
  } catch (refused) {
    setTimeout(lost, 0);
  }
};

// A better one is tried beside what carries the news now.
Link.prototype.climb = function () {
  var carrier = this.request, poll, name;
  if (!carrier || !carrier.wait || carrier.split || this.trial || this.dirty) { return; }
  name = this.ladder.stream(carrier, carrier.transport);
  if (name) {
    poll = this.compose();
    if (poll.wait && !poll.split) { this.open(name, poll); }
  }
};

Link.prototype.hear = function (stream, reply) {
  if (stream !== this.request && stream !== this.trial) { return; }
  if (!isNews(reply) && !(reply && reply.error)) { return this.lost(stream); }
  if (stream === this.trial) {
    this.trial = null;
    this.ladder.worked(stream.transport);
    this.abort();                           // what has carried the news so far
    if (stream.replies !== this.replies) {  // and has brought some meanwhile: begin where that ended
      giveUp(stream);
      return this.ask();
    }
    this.request = stream;
    if (!this.dirty) { clearTimeout(this.timer); }
  }
  if (reply.error) {
    this.abort();
    return this.refused(statusOf(reply), reply.error);
  }
  this.watch(stream);
  this.deliver(stream, reply);
};

Link.prototype.listenOn = function (stream, reply) {
  if (stream !== this.request) { return; }  // given up by a callback
  if (stream.split || !stream.wait && this.owner._isUndecided()) {
    this.abort();
    this.ask();
    return;
  }
  stream.wait = this.wait;
  for (var i = 0; i < reply.messages.length; i += 1) {
    if (!this.wants.find((reply.messages[i] || {}).channel)) { return this.changed(); }  // nobody wants it any more
  }
};

Link.prototype.lost = function (stream) {
  var tried = stream === this.trial, requests = this.ladder.requests.length;
  if (!tried && stream !== this.request) { return; }
  giveUp(stream);
  if (tried) { this.trial = null; } else { this.request = null; }
  if (tried || stream.silent) {
    this.ladder.broke(stream.transport);
  } else {
    this.ladder.cut(stream.transport, now() - stream.started);
  }
  if (!requests) {
    this.failed(0);
  } else if (!tried) {
    this.probe = true;                      // which tells whether it is the server that is away
    this.schedule(stream.silent ? 0 : Math.random() * RETRY_FIRST);
  } else if (this.request) {
    this.climb();
  } else {
    this.ask();
  }
};
