/*
 * longpoll.js: what background jobs do, live in the page; written for any browser since IE 6.
 *
 *   var live = LongPoll('http://host:9292');       // where longpoll-serve answers; '' = where the page came from
 *   live.job(ticket)
 *     .progress(function (progress, data) { bar.style.width = progress.percent + '%'; })
 *     .done(function (result, data) { alert('imported ' + result.imported); })
 *     .failed(function (error, data) { alert(error.message); });
 *   live.subscribe('news').bind('published', function (data, message) { ... });
 *   live.subscribe('/news/*').bind(function (event, data, message) { ... message.name ... });
 *
 * A page needs ONE client, for all its jobs and channels; and the tabs of one browser need one connection: one of them
 * asks for all and hands round what it hears. Options, as second argument:
 *
 *   transport   'websocket' | 'eventsource' | 'xhr' | 'xdr' | 'jsonp': this one alone
 *   transports  a list of them, best first. By default all that the browser has: websocket, event stream, held requests
 *               (XMLHttpRequest where that reaches the address, else IE's XDomainRequest), JSONP. The first news is
 *               fetched by a request; then the best that works takes over, and is given up for the next when something
 *               on the way refuses it, swallows it, holds it back or cuts it off again and again. Nothing is lost.
 *               Event streams and JSONP show tickets in addresses (and logs). One JSONP address takes about fifteen
 *               tickets: more than that take turns of a second each.
 *   share       false: this page asks for itself
 *   wait        seconds that a request is held
 *
 *   client   .job(ticket)  .subscribe(channel)  .start()  .stop()
 *            .subscribe(channel, cursor)  goes on from that of a history: GET /history?channel=news&count=20
 *            .state        'connecting' | 'connected' | 'offline'
 *            .transport    what brings the news now, null before the first; .shared: by way of another tab
 *            .onstate(fn)  fn(state)                  .ontransport(fn)  fn(transport)
 *            .onreset(fn)  fn(): messages may have been missed; the present state of every job follows by itself
 *            .onerror(fn)  fn(message, error): the server refuses us for good, or a channel that has no denied()
 *   job      .queued(fn) .running(fn) .cancelled(fn)  fn(data)
 *            .unknown(fn)                             fn(data): not there yet, or no longer kept; it may still appear
 *            .progress(fn)                            fn({done, total, message, percent or null}, data)
 *            .retrying(fn) .failed(fn) .denied(fn)    fn(error, data)
 *            .done(fn)                                fn(result, data)
 *            .any(fn)  fn(event, data)                .stop()
 *            .cancel()  takes the job back, or has it told to stop, if the ticket allows it: ticket(cancel=True). How
 *                       that ends is told as ever, by cancelled(); that it was refused, by the client's onerror().
 *            A job is a state: a callback that comes late is called with the last event, if that is the one it is for.
 *   channel  .bind(event, fn)  fn(data, message)      .bind(fn)  fn(event, data, message)
 *            .unbind(event, fn)  .unbind(event)  .unbind(fn)  .denied(fn)  .unsubscribe()
 *            Of what a pattern brings, message.name is the channel that it came on.
 *
 * The parts, each in a file of its own in the source:
 *   client           the list of what the page waits for; each message told once
 *   link, climbing   ask for what is on the list, again and again; come by a stream, and recover from its loss
 *   wants            what to ask for, and from where on
 *   ladder           which way: the best that works
 *   tabs, leading, hearing, bus   one tab asks for all
 *   page             back online, page shown, machine woken, page left
 *   channels         jobs and channels: who is called with what
 *   polls, streams   the five transports
 *   language         what ES3 lacked
 *
 * ES3 throughout, nothing assumed: no JSON, forEach, bind, addEventListener, Date.now; no reserved word after a dot,
 * no trailing comma, every try has its catch (IE 7 skips a finally without one).
 */
