// The ladder: which way to ask. Knows what the browser has and what went wrong; sends nothing itself.
//   1. which request: the one that works, else the next in a circle;
//   2. which stream, if any: the best that was not found broken of late;
//   3. what went wrong is noted, and forgiven after a while.

var TRIES = 2;               // failures of a request that never worked until the next kind gets its turn
var REST = 300000;           // ms until a broken stream gets another chance; doubled each time, up to
var REST_MAX = 3600000;      // ms
var SHORT = 10000;           // ms: a stream that lived no longer was cut off
var CUTS = 3;                // of those in a row, and the stream counts as broken
var STREAM_ADDRESS = 4000;   // characters of an event stream's address: half of what most servers take

function Ladder(url, options) {
  var names = options.transports || (options.transport ? [options.transport] : available(url)), i;
  this.url = url;
  this.requests = [];
  this.streams = [];
  for (i = 0; i < names.length; i += 1) {
    if (!has(SEND, names[i]) && !has(OPEN, names[i])) {
      throw new Error('LongPoll: transport is "websocket", "eventsource", "xhr", "xdr" or "jsonp", not ' + names[i]);
    }
    (has(OPEN, names[i]) ? this.streams : this.requests).push(names[i]);
  }
  if (!names.length) { throw new Error('LongPoll: transports is a list with something in it'); }
  this.request = 0;          // index of the one in use
  this.heard = false;        // has the server ever answered? Then this kind of request stays
  this.refusals = 0;         // in a row, by something on the way
  this.rests = {};           // stream -> {until, times}
  this.cuts = {};            // stream -> how often in a row
  this.proved = {};          // streams that have worked
}

Ladder.prototype = {
  // 1. Requests.

  // XDomainRequest does not say why it failed, and one expired ticket would fail the poll of all: after a failure
  // the next try goes by JSONP, where errors can be read.
  poll: function (failures) {
    var name = this.requests[this.request];
    return name === 'xdr' && failures % 2 === 1 && this.requests.length > 1 ? 'jsonp' : name;
  },

  // What can post, for what must not be a GET.
  poster: function () {
    var names = this.requests.slice(this.request, this.request + 1).concat(available(this.url)), i;
    for (i = 0; i < names.length; i += 1) {
      if (names[i] === 'xhr' || names[i] === 'xdr') { return names[i]; }
    }
    return null;
  },

  answered: function () {
    this.heard = true;
    this.refusals = 0;
  },

  // No answer at all, ever, with the network up: blocked, or no CORS. Or what answers is not our server, and will have
  // none of such requests. In a circle, because it may as well be the server that is down, and its return finds
  // whichever has its turn.
  failed: function (status, failures, ours) {
    var foreign = !ours && (status >= 400 && status < 500 && status !== 408 && status !== 429 || status === 501);
    this.refusals = foreign ? this.refusals + 1 : 0;
    if (status !== 0 && !foreign) { this.heard = true; }
    if (foreign ? this.refusals % TRIES === 0 : !this.heard && online() && failures % TRIES === 0) {
      this.request = (this.request + 1) % (this.requests.length || 1);
    }
  },

  // 2. Streams.

  // The best for this poll; better than that other one, if it is named. Null: none.
  stream: function (poll, than) {
    var i, name, last = null;
    for (i = 0; i < this.streams.length && this.streams[i] !== than; i += 1) {
      name = this.streams[i];
      if (name !== 'eventsource' || address(this.url + '/events', poll.names, poll.cursor).length <= STREAM_ADDRESS) {
        if (!this.rests[name] || this.rests[name].until <= now()) { return name; }
        if (!last || this.rests[name].until < this.rests[last].until) { last = name; }
      }
    }
    // Where there is nothing else, the one that has rested longest.
    return this.requests.length || than ? null : last || this.streams[0];
  },

  // 3. What went wrong.

  worked: function (name) {
    this.proved[name] = true;
    this.heard = true;
  },

  broke: function (name) {
    var rest = this.rests[name] = this.rests[name] || {until: 0, times: 0};
    if (!online()) { return; }                // a machine without network blames nobody
    rest.until = now() + Math.min(REST * Math.pow(2, rest.times), REST_MAX);
    rest.times += 1;
    this.cuts[name] = 0;
    this.proved[name] = false;
  },

  cut: function (name, lived) {
    this.cuts[name] = lived < SHORT ? (this.cuts[name] || 0) + 1 : 0;
    if (this.cuts[name] >= CUTS) { this.broke(name); }
  },

  forgive: function () { this.rests = {}; }   // it is another network, maybe
};

function online() { return !(root.navigator && root.navigator.onLine === false); }

// What this browser has that reaches the address, best first.
function available(url) {
  var here = root.location || {}, origin = /^(https?:)?\/\/[^\/?#]+/i.exec(url), foreign = false, names = [];
  if (origin) {
    origin = (origin[1] ? origin[0] : here.protocol + origin[0]).toLowerCase();
    foreign = origin !== (here.protocol + '//' + here.host).toLowerCase();
  }
  if (root.WebSocket && root.WebSocket.CLOSED === 3) {  // 2: a draft of 2010, which no server speaks any more
    names.push('websocket');
  }
  if (root.EventSource && (!foreign || 'withCredentials' in root.EventSource.prototype)) { names.push('eventsource'); }
  if (foreign ? root.XMLHttpRequest && 'withCredentials' in new root.XMLHttpRequest()
              : root.XMLHttpRequest || root.ActiveXObject) {
    names.push('xhr');
  } else if (foreign && root.XDomainRequest && origin.indexOf(here.protocol + '//') === 0) {
    names.push('xdr');                        // which never goes from http to https or back
  }
  names.push('jsonp');
  return names;
}
