// What one tab says to the others, and what these do about it.

Tabs.prototype.hear = function (message) {
  if (!this.bus || !message || message.from === this.id || !has(HEAR, message.type)) { return; }
  if (message.to && message.to !== this.id) { return; }
  if (message.from === this.leader) {
    this.heardAt = now();
    this.askedAt = 0;
  }
  HEAR[message.type].call(this, message);
};

// Whether something was lost on the way: it asks once by itself, then, and joins again.
Tabs.prototype.hasMissed = function (number) {
  var missed = this.expected !== null && this.expected !== number;
  if (missed) {
    this.expected = null;
    this.link.restart();
  }
  return missed;
};

Tabs.prototype.heed = function (message) {
  var tabs = this, leader = message.from;
  if (message.roll) { this.say('here', {to: leader}); }
  if (message.held && !this.life.waiting) {
    this.life.await(leader, function () {
      if (leader === tabs.leader) { tabs.takeOver(); }
    });
  }
  if (message.slow && this.expected !== null && !root.document.hidden) { this.takeOver(); }
};

var HEAR = {
  who: function () {
    if (this.leads) { this.sayLead(); }
  },

  // Of two leaders the later goes on, as others follow it already; of two at once, either.
  lead: function (message) {
    var later = message.term > this.term, even = message.term === this.term, rival = this.leads ? this.id : this.leader;
    if (message.from === this.leader ? !even : later || even && (!rival || message.from < rival)) {
      this.follow(message);
    } else if (this.leads) {
      this.sayLead();
    }
    if (message.from === this.leader) { this.heed(message); }
  },

  bye: function (message) {
    var member = this.member(message.from);
    if (message.from !== this.leader) {
      this.unhear(message.from);
      if (member) { this.forget(member); }
    } else if (message.next === this.id) {
      this.takeOver();
    } else {
      this.part();
      this.came = now();                      // the heir may answer yet
      this.link.restart();
    }
  },

  // Of a follower.

  hello: function (message) {
    if (this.leads) {
      this.unhear(message.from);
      this.waiting.push(message);
      this.link.askForAll();
    }
  },

  drop: function (message) {
    var member = this.member(message.from);
    if (member && remove(member.names, message.name)) { this.release(message.name); }
    this.client._restIfIdle();
  },

  here: function (message) {
    var member = this.member(message.from);
    if (member) { member.missing = false; } else if (this.leads) { this.say('lost', {to: message.from}); }
  },

  // Of the leader.

  welcome: function (message) {
    var i, want;
    if (message.from !== this.leader || this.hasMissed(message.number)) { return; }
    clearTimeout(this.adoption);
    this.link.wants.mixed = true;
    this.expected = message.number;
    this.client.shared = true;
    for (i = 0; i < message.names.length; i += 1) {
      want = this.link.wants.find(message.names[i]);
      if (want) { want.joined = true; }
    }
  },

  news: function (message) {
    var wants = this.link.wants, reply = message.reply, told = [], i, want;
    if (message.from !== this.leader || this.expected === null || this.hasMissed(message.number)) { return; }
    this.expected += 1;
    for (i = 0; i < reply.messages.length; i += 1) {
      want = wants.find((reply.messages[i] || {}).channel);
      if (want && want.joined === true) { told.push(reply.messages[i]); }
    }
    if (this.client._told({messages: told, reset: reply.reset})) { wants.toldElsewhere(message.names, reply.cursor); }
  },

  state: function (message) {
    if (message.from === this.leader && this.expected !== null) {
      if (message.transport) { this.client._carried(message.transport); }
      this.client._enter(message.state);
    }
  },

  denied: function (message) {
    if (message.from === this.leader) { this.client._deny(message.error); }
  },

  lost: function (message) {
    if (message.from === this.leader) { this.link.restart(); }
  },

  alone: function (message) {
    if (message.from === this.leader) {
      this.off = true;
      this.close();
      this.link.restart();
    }
  }
};
