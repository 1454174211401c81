/*
 * private_pub.js: what pages call that were written for Private Pub or danthes, on longpoll.js instead of Faye.
 *
 *   <script src="http://host:9292/longpoll.js"></script>
 *   <script src="http://host:9292/private_pub.js"></script>
 *   {{ subscribe_to("/messages/new") }}
 *   PrivatePub.subscribe('/messages/new', function (data, channel) { ... });
 *
 *   PrivatePub   (and Danthes, which is the same object)
 *     .sign({server, channel, signature, connect: fn, error: fn})   what subscribe_to writes into the page
 *     .subscribe(channel, fn)   fn(data, channel); before or after sign()
 *     .unsubscribe(channel)  .unsubscribeAll()  .subscription(channel)
 *     .evaluates = true         run the scripts that an application publishes; without it they are passed over
 *     .client                   the LongPoll that it all goes through, once something was signed
 *
 * ES3, as longpoll.js.
 */
(function (root) {
  var signed = {}, callbacks = {};

  var self = {
    client: null,
    evaluates: false,

    sign: function (options) {
      var channel = options.channel;
      if (!self.client) { self.client = root.LongPoll(options.server); }
      if (own(signed, channel)) { return; }
      signed[channel] = self.client.subscribe(options.signature)
        .bind(function (event, data, message) { hear(channel, event, data, message.name); })
        .denied(function (error) {
          delete signed[channel];
          if (options.error) { options.error(error); }
        });
      if (options.subscription) { options.subscription(signed[channel]); }
      if (options.connect) { options.connect(signed[channel]); }
    },

    subscribe: function (channel, callback) {
      if (!own(callbacks, channel)) { callbacks[channel] = []; }
      callbacks[channel].push(callback);
    },

    subscription: function (channel) { return own(signed, channel) ? signed[channel] : undefined; },

    unsubscribe: function (channel) {
      if (own(signed, channel)) {
        signed[channel].unsubscribe();
        delete signed[channel];
      }
    },

    unsubscribeAll: function () {
      for (var channel in signed) { self.unsubscribe(channel); }
    }
  };

  function own(object, name) { return Object.prototype.hasOwnProperty.call(object, name); }

  // Of a pattern, `name` is the channel that it came on, with dots for slashes.
  function hear(asked, event, data, name) {
    var channel = name ? '/' + name.split('.').join('/') : asked, told, i;
    if (event === 'private_pub:eval') {
      if (self.evaluates) { (0, root.eval)(data); }
      return;
    }
    told = own(callbacks, channel) ? callbacks[channel].slice(0) : [];
    if (event !== 'message') { data = {event: event, data: data}; }
    for (i = 0; i < told.length; i += 1) { told[i](data, channel); }
  }

  root.PrivatePub = root.Danthes = self;
})(typeof window !== 'undefined' ? window : this);
