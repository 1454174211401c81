// What is asked for: names, each with the cursor up to which all is known of it. It
//   1. keeps the list;
//   2. says what goes into the next request;
//   3. notes how far a reply has brought it;
//   4. notes for what another tab asks.

var NAMES_MAX = 200;         // names that the server takes in one request,
var LENGTH_MAX = 40000;      // and characters of them
var JOINT_MAX = 15000;       // characters of several cursors that go together

function Wants(url) {
  this.url = url;
  this.list = [];            // {name, cursor, also, told, stale, joined}, longest unasked first
  this.mixed = false;        // cursors tell what other tabs were shown, too
}

Wants.prototype = {
  // 1. The list.

  find: function (name) {
    for (var i = 0; i < this.list.length; i += 1) {
      if (this.list[i].name === name) { return this.list[i]; }
    }
    return null;
  },

  // With a cursor, it is to be told all that came after it.
  add: function (name, cursor) {
    var want = this.find(name);
    if (!want) {
      this.list.push({name: name, cursor: cursor || null, also: null, told: now(), stale: false, joined: false});
    } else if (cursor && want.cursor !== cursor) {
      want.cursor = want.cursor + '|' + cursor;  // to the server: what either has not seen
    }
  },

  // The page wants it as well as other tabs do, and has not been shown anything of it.
  renew: function (name) {
    var want = this.find(name);
    if (!want) { return this.add(name); }
    want.also = want.cursor || want.also;     // from here on for the others
    want.cursor = null;
  },

  // The page wants it from there on, which may be long ago.
  goOn: function (name, cursor) {
    this.add(name, cursor);
    this.find(name).stale = true;
  },

  drop: function (name) { remove(this.list, this.find(name)); },

  // Whether the present state of something is not known: it is new, or nobody has asked for it in a while.
  isBehind: function () {
    for (var i = 0; i < this.list.length; i += 1) {
      if (this.list[i].cursor === null || this.list[i].stale) { return true; }
    }
    return false;
  },

  // What was told last so many milliseconds ago or longer.
  doubt: function (age) {
    for (var i = 0; i < this.list.length; i += 1) {
      if (now() - this.list[i].told >= age) { this.list[i].stale = true; }
    }
  },

  // 2. The next request.

  // All that stands at the same cursor goes into one: all there is, unless a request is too short for that. Then each
  // part keeps its own cursor, and they take turns. `hasty`: the others wait for this part.
  next: function (transport) {
    var first = this.first(transport), batch = [], names = [], i, want;
    for (i = 0; i < this.list.length; i += 1) {
      want = this.list[i];
      if (want.cursor === first.cursor || !this.mixed && want.cursor === null) {
        names.push(quote(want.name));
        if (batch.length && !fits(this.url, transport, names, first.cursor)) {
          names.pop();
        } else {
          batch.push(want);
          want.cursor = first.cursor;         // a new one starts where the others stand
        }
      }
    }
    return {
      transport: transport, batch: batch, names: names, cursor: first.cursor, split: batch.length < this.list.length,
      hasty: first.cursor === null || first.stale
    };
  },

  // Where other tabs have a say, a new name does not start where the others stand: their cursor may tell of this very
  // job, as shown to another tab. It is asked for alone, first. Then what is stale: it would bring the others what is
  // older than they are. Then all cursors become one.
  first: function (transport) {
    var fresh = null, stale = null, cursors = [], names = [], i, want, joint;
    for (i = 0; i < this.list.length; i += 1) {
      want = this.list[i];
      names.push(quote(want.name));
      if (want.cursor === null) { fresh = fresh || want; } else if (want.stale) { stale = stale || want; }
      if (want.cursor !== null && position(cursors, want.cursor) < 0) { cursors.push(want.cursor); }
    }
    if (fresh && (this.mixed || stale)) { return fresh; }
    joint = cursors.join('|');
    if (cursors.length > 1 && joint.length <= JOINT_MAX && fits(this.url, transport, names, joint)) {
      if (stale) { return stale; }
      for (i = 0; i < this.list.length; i += 1) {
        if (this.list[i].cursor !== null) { this.list[i].cursor = joint; }
      }
    }
    return this.list[0];
  },

  // 3. Replies.

  told: function (poll, cursor) {
    for (var i = 0; i < poll.batch.length; i += 1) {
      var want = poll.batch[i];
      if (cursor !== undefined) { want.cursor = want.also ? cursor + '|' + want.also : cursor; }
      want.also = null;
      want.told = now();
      want.stale = false;
      if (poll.split && remove(this.list, want)) { this.list.push(want); }
    }
  },

  // 4. Other tabs. Of what another tab asks for, `joined` is true; while it has not said so, 'asked'.

  where: function (joined) {
    var found = [], i;
    for (i = 0; i < this.list.length; i += 1) {
      if (this.list[i].joined === joined) { found.push(this.list[i]); }
    }
    return found;
  },

  // The leader has told us a reply about these names; null: about all.
  toldElsewhere: function (names, cursor) {
    for (var i = 0; i < this.list.length; i += 1) {
      if (this.list[i].joined === true && (!names || position(names, this.list[i].name) >= 0)) {
        this.list[i].cursor = cursor;
        this.list[i].told = now();
      }
    }
  },

  // No other tab asks for us any more. True if one did.
  part: function () {
    var any = this.where(true).length > 0, i;
    for (i = 0; i < this.list.length; i += 1) { this.list[i].joined = false; }
    return any;
  }
};

function fits(url, transport, names, cursor) {
  return names.length <= NAMES_MAX && names.join().length <= LENGTH_MAX &&
    !(transport === 'jsonp' && address(url + '/poll', names, cursor).length > ADDRESS_MAX);
}
