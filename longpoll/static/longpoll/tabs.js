// The tabs of one browser that ask the same server: one asks for all of them, and hands round what it hears.
//   1. A tab comes, and goes. It says so.
//   2. Somebody leads: who finds no leader does. Of two, the later; that both ask meanwhile harms nobody.
//   3. The others join it, each when it has asked once by itself: it hands over its names and their cursors.
//   4. The leader asks from all those cursors on, and hands round each reply, numbered: see leading.
// A leader that does not answer has its place taken: each tab asks once by itself, and joins again. Nothing is lost in
// any of this, since nobody's cursor moves before the messages up to it have been told; nothing is told twice, since
// messages have ids. So any of this may fail at any point, and is begun anew.

var ANSWER = 150;            // ms that a leader has to tell one who has just come that there is one
var ADOPTION = 5000;         // ms that it has to ask for what another wants; else that one leads, since it can ask
var QUIET = 500;             // ms without a word from the leader until it is asked for one,
var DEAD = 1000;             // ms without an answer until another takes its place
var ROLL = 60000;            // ms between two looks at who is still there

function Tabs(client, link, kind) {
  this.client = client;
  this.link = link;
  this.kind = kind;          // what those have in common that can ask for each other
  this.id = unique();
  this.off = false;          // this browser cannot, or the server refuses what was asked for all
  this.bus = null;
  this.reset();
}

Tabs.prototype = {
  // 1. Coming and going.

  open: function () {
    var tabs = this, key;
    if (this.bus || this.off) { return; }
    key = 'longpoll 1 ' + absolute(this.link.url + '/') + this.kind;
    this.bus = openBus(key, function (message) { tabs.hear(message); });
    this.off = !this.bus;
    if (this.off) { return; }
    this.life = new Life(key, this.id);
    this.term = 0;           // leaders are counted
    this.came = now();
    this.part();
    this.say('who');
  },

  leave: function () {
    if (!this.bus) { return; }
    this.say('bye', {next: this.members.length ? this.members[0].id : null});
    this.close();
  },

  close: function () {
    this.part();
    this.life.end();
    this.bus.close();
    this.bus = null;
  },

  // Neither leads nor follows.
  part: function () {
    var wants = this.link.wants.list.slice(0), i;
    this.reset();
    this.client.shared = false;
    this.life.forget();
    clearTimeout(this.timer);
    clearTimeout(this.adoption);
    for (i = 0; i < wants.length; i += 1) { this.release(wants[i].name); }
  },

  reset: function () {
    this.leads = false;
    this.number = 0;         // of the leader's next reply
    this.members = [];       // for whom it asks: {id, names, missing}
    this.waiting = [];       // who has asked to be one of them
    this.leader = null;      // its id
    this.expected = null;    // the number of its next reply, once it asks for us
  },

  say: function (type, message) {
    message = message || {};
    message.type = type;
    message.from = this.id;
    this.bus.say(message);
  },

  // 2. Leading and following.

  // Called when the link knows the present state of all that it wants, and would hold a request for more. True: it
  // shall not, as another tab asks, or one may be about to say so.
  elsewhere: function () {
    var left = ANSWER - (now() - this.came);
    if (!this.bus) { return false; }
    if (this.leader) {
      this.join();
    } else if (!this.leads && left > 0) {
      this.link.schedule(left);
    } else {
      if (!this.leads) { this.lead(); }
      this.adopt();
    }
    return !this.leads;
  },

  // Whether that would change what the link asks for.
  undecided: function () { return this.bus && (!this.leads || this.waiting.length > 0); },

  lead: function () {
    this.part();
    this.leads = true;
    this.term += 1;
    this.calledAt = now();
    this.sayLead();
  },

  // `roll`: each of the others is to say that it is there. `slow`: the timers of a page that nobody looks at run once a
  // minute at times, and without a stream, news waits for them.
  sayLead: function (roll) {
    var request = this.link.request, slow = root.document.hidden && !(request && request.stream);
    this.say('lead', {term: this.term, held: this.life.held, roll: roll === true, slow: !!slow});
  },

  follow: function (message) {
    this.part();
    this.leader = message.from;
    this.term = message.term;
    this.heardAt = this.tickedAt = now();
    this.askedAt = 0;        // when it was asked whether it is still there
    this.tick();
    this.link.restart();
  },

  // A page that nobody looks at need not know within a second, if it will be told in the end.
  tick: function () {
    var tabs = this, time = now(), late = time - this.tickedAt > 2 * QUIET;
    this.tickedAt = time;
    this.timer = setTimeout(function () { tabs.tick(); }, QUIET);
    if (root.document.hidden && this.life.locks) { return; }
    if (late || !this.askedAt && time - this.heardAt >= QUIET) {  // late: it is we who were asleep
      this.askedAt = time;
      this.say('who');
    } else if (this.askedAt && time - this.askedAt >= DEAD) {
      this.takeOver();
    }
  },

  takeOver: function () {
    this.lead();
    this.link.restart();
  },

  // 3. Joining.

  join: function () {
    var tabs = this, wants = this.link.wants.where(false), names = [], cursors = [], i;
    if (!wants.length) { return; }
    wants = wants.concat(this.link.wants.where('asked'));
    for (i = 0; i < wants.length; i += 1) {
      wants[i].joined = 'asked';
      names.push(wants[i].name);
      cursors.push(wants[i].cursor);
    }
    this.say('hello', {to: this.leader, names: names, cursors: cursors, at: now()});
    clearTimeout(this.adoption);
    this.adoption = setTimeout(function () { tabs.takeOver(); }, ADOPTION);
  },

  // The page wants this no more. A leader goes on asking for it if others do.
  drop: function (name) {
    if (this.leader) { this.say('drop', {to: this.leader, name: name}); }
    this.release(name);
  }
};
