// How tabs of one origin hear each other, and how they notice that one of them is gone.

// By BroadcastChannel, else by what they write into localStorage. Null where there is neither; IE 8 tells that
// something was written, but not what.
function openBus(key, heard) {
  try {
    return root.BroadcastChannel ? channelBus(key, heard) : root.addEventListener ? storageBus(key, heard) : null;
  } catch (forbidden) {
    return null;                              // in private windows, by settings, in frames of other sites
  }
}

function channelBus(key, heard) {
  var channel = new root.BroadcastChannel(key);
  channel.onmessage = function (event) { heard(event.data); };
  return {
    say: function (message) { channel.postMessage(message); },
    close: function () { channel.close(); }
  };
}

// Each message is an entry of its own, gone as soon as it is there: the others are told what was written all the same.
function storageBus(key, heard) {
  var storage = root.localStorage, said = 0, mine = key + ' ' + unique() + ' ';
  function hear(event) {
    if (event.newValue && String(event.key).indexOf(key + ' ') === 0) { heard(decoded(event.newValue)); }
  }
  function write(text) {
    said += 1;
    storage.setItem(mine + said, text);
    storage.removeItem(mine + said);
  }
  write('');                                  // throws where it may not
  root.addEventListener('storage', hear, false);
  return {
    say: function (message) {
      try { write(encode(message)); } catch (full) { /* who misses it sees that by the number of the next */ }
    },
    close: function () { root.removeEventListener('storage', hear, false); }
  };
}

// A lock that bears a tab's name is free when that tab is gone, however it went. Where there are no locks, it is never
// held, and nobody waits for it.
function Life(key, id) {
  var life = this, locks = root.navigator && root.navigator.locks;
  this.key = key + ' ';
  this.locks = locks && root.AbortController ? locks : null;
  this.held = this.over = false;
  this.release = nothing;
  this.waiting = null;
  this.request(id, {}, function () {
    life.held = !life.over;
    return life.over ? null : new root.Promise(function (resolve) { life.release = resolve; });
  });
}

Life.prototype = {
  request: function (id, options, granted) {
    if (this.locks) { this.locks.request(this.key + id, options, granted)['catch'](nothing); }
  },

  end: function () {
    this.over = true;
    this.forget();
    this.release();
  },

  await: function (id, gone) {
    this.forget();
    if (this.locks) {
      this.waiting = new root.AbortController();
      this.request(id, {signal: this.waiting.signal}, gone);
    }
  },

  forget: function () {
    if (this.waiting) { this.waiting.abort(); }
    this.waiting = null;
  }
};

function unique() { return Math.random().toString(36).slice(2) + now().toString(36); }
