// The page: back online, shown again, frozen, woken, left.

var TICK = 5000;             // ms between looks at the clock
var SLEPT = 90000;           // ms of a jump that means "asleep": browsers run a hidden page's timers once a minute

var live = [];               // clients at work; also what keeps an XDomainRequest from being garbage-collected

LongPoll.prototype._wake = function (stale) {
  this._tabs.open();
  this._link.wake(stale);
};

LongPoll.prototype._leave = function () {
  this._tabs.leave();
  this._link.leave();
};

LongPoll.prototype._look = function () {
  this._link.climb();
  this._tabs.callRoll();
};

LongPoll.prototype._online = function () {
  this._link.ladder.forgive();
  this._wake(true);
};

function each(act, argument) {                // over a copy: a callback may stop its client
  var clients = live.slice(0);
  for (var i = 0; i < clients.length; i += 1) { clients[i][act](argument); }
}

var watching = false;

function watchPage() {
  var doc = root.document;
  if (watching) { return; }
  watching = true;
  listen(root, 'online', function () { each('_online'); });
  listen(root, 'pageshow', function (event) { each('_wake', event.persisted === true); });
  listen(doc, 'visibilitychange', function () {
    if (!doc.hidden) { each('_wake', slept()); }
  });
  listen(doc, 'freeze', function () { each('_leave'); });
  listen(doc, 'resume', function () { each('_wake', true); });
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
  if (slept()) { each('_wake', true); } else { each('_look'); }
  ticking = live.length > 0;
  if (ticking) { setTimeout(tick, TICK); }
}
