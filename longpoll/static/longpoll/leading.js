// What the leader of some tabs does. In this order below it
//   1. takes others' names and cursors into what it asks for;
//   2. keeps the list of those for whom it asks;
//   3. hands round each reply, and how it is with the server;
//   4. tells what the server refuses;
//   5. looks now and then who is still there.

Tabs.prototype.adopt = function () {
  var waiting = this.waiting, i, j, hello, member;
  if (!waiting.length) { return; }
  this.waiting = [];
  this.link.wants.mixed = true;
  this.link.wants.doubt(FRESH);
  for (i = 0; i < waiting.length; i += 1) {
    hello = waiting[i];
    if (now() - hello.at < ADOPTION) {        // else it has helped itself
      member = this.member(hello.from);
      if (!member) { this.members.push(member = {id: hello.from, names: [], missing: false}); }
      for (j = 0; j < hello.names.length; j += 1) {
        remove(member.names, hello.names[j]);
        member.names.push(hello.names[j]);
        this.link.wants.add(hello.names[j], hello.cursors[j]);
      }
      this.say('welcome', {to: hello.from, names: hello.names, number: this.number});
    }
  }
  this.handState();
};

// It is gone, or asks anew.
Tabs.prototype.unhear = function (id) {
  for (var i = this.waiting.length - 1; i >= 0; i -= 1) {
    if (this.waiting[i].from === id) { this.waiting.splice(i, 1); }
  }
};

Tabs.prototype.member = function (id) {
  for (var i = 0; i < this.members.length; i += 1) {
    if (this.members[i].id === id) { return this.members[i]; }
  }
  return null;
};

Tabs.prototype.isWanted = function (name) {
  for (var i = 0; i < this.members.length; i += 1) {
    if (position(this.members[i].names, name) >= 0) { return true; }
  }
  return !!this.client._find(name);
};

Tabs.prototype.release = function (name) {
  if (!this.isWanted(name)) { this.link.wants.drop(name); }
};

Tabs.prototype.forget = function (member) {
  var i;
  remove(this.members, member);
  for (i = 0; i < member.names.length; i += 1) { this.release(member.names[i]); }
  this.client._restIfIdle();
};

Tabs.prototype.hand = function (reply, poll) {
  var names = [], all = !poll.split, i;       // those that the reply brings up to its cursor; null: all
  if (!this.members.length) { return; }
  for (i = 0; i < poll.batch.length; i += 1) {
    if (poll.batch[i].also) { all = false; } else { names.push(poll.batch[i].name); }
  }
  this.say('news', {number: this.number, names: all ? null : names, reply: reply});
  this.number += 1;
};

Tabs.prototype.handState = function () {
  if (this.members.length) { this.say('state', {state: this.client.state, transport: this.client.transport}); }
};

// The server will not have some names. True if any of them is one that another tab wants.
Tabs.prototype.deny = function (error) {
  var named = error.channels || [], any = false, i, j;
  if (!this.members.length) { return false; }
  this.say('denied', {error: error});
  for (i = 0; i < named.length; i += 1) {
    for (j = 0; j < this.members.length; j += 1) { any = remove(this.members[j].names, named[i]) || any; }
    this.release(named[i]);
  }
  return any;
};

// The server refuses what is asked for all, and does not say which of it: each is to hear its own.
Tabs.prototype.disband = function () {
  if (!this.members.length) { return false; }
  this.say('alone');
  this.off = true;
  this.close();
  this.link.restart();
  return true;
};

// Whoever leads as well hears of it, should a word have been lost. Those who do not answer are gone: their page was
// killed, and could not say so.
Tabs.prototype.callRoll = function () {
  var members = this.members.slice(0), i;
  if (!this.bus || !this.leads || now() - this.calledAt < ROLL) { return; }
  this.calledAt = now();
  for (i = 0; i < members.length; i += 1) {
    if (members[i].missing) { this.forget(members[i]); } else { members[i].missing = true; }
  }
  if (this.leads) { this.sayLead(true); }
};
