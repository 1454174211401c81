/* A page takes a job back. */
'use strict';

module.exports = ({ assert, test, open, held, message }) => {
  const cancels = (page) => page.requests.filter((request) => /\/job\/cancel$/.test(request.url));

  test('a job is cancelled beside the poll, and its end is told as ever', () => {
    const { page, job } = held({}, 'http://site.example/live');
    const told = [];
    assert.equal(job.cancelled((data) => told.push(data.state)).cancel(), job);
    const [ask] = cancels(page);
    assert.equal(ask.url, 'http://site.example/live/job/cancel');
    assert.equal(ask.raw, '{"ticket":"t"}');
    assert.equal(ask.type, 'text/plain');
    const poll = page.pending.find((request) => request !== ask);
    ask.status(200, '{"cancelled":true}');
    assert.deepEqual(told, []);
    poll.reply([message('cancelled', { state: 'cancelled' })], 'c2');
    assert.deepEqual(told, ['cancelled']);
  });

  test('IE 8 and 9 cancel across origins by XDomainRequest', () => {
    const { page, job } = held({ xhr: 'old', xdr: true }, 'http://live.example');
    job.cancel();
    page.advance(0);
    const [ask] = cancels(page);
    assert.equal(ask.transport, 'xdr');
    assert.equal(ask.raw, '{"ticket":"t"}');
    ask.status(200, '{"cancelled":true}');
    page.advance(60000);
    assert.equal(cancels(page).length, 1);
  });

  test('a ticket that does not allow it is told by onerror, and goes on showing the job', () => {
    const { page, client, job } = held();
    const told = [];
    client.onerror((text, error) => told.push([text, error.code]));
    job.denied(() => told.push('denied')).running((data) => told.push(data.state));
    job.cancel();
    const [ask] = cancels(page);
    const poll = page.pending.find((request) => request !== ask);
    ask.refuse(403, 'bad_ticket', ['t']);
    poll.reply([message('running', { state: 'running' })], 'c2');
    assert.deepEqual(told, [['bad_ticket.', 'bad_ticket'], 'running']);
  });

  test('a server that is away is asked again, and not for ever', () => {
    const { page, client, job } = held();
    const told = [];
    client.onerror((text) => told.push(text));
    job.cancel();
    for (let round = 1; round <= 5; round += 1) {
      assert.equal(cancels(page).length, round);
      assert.deepEqual(told, []);
      const ask = cancels(page)[round - 1];
      if (round % 2) ask.fail(); else ask.status(503, '');
      page.advance(20000);
    }
    assert.equal(cancels(page).length, 5);
    assert.deepEqual(told, ['a job could not be cancelled: no answer']);
  });

  test('a browser that can only load scripts says that it cannot', () => {
    const { page, client } = open({ xhr: false }, 'http://live.example');
    const told = [];
    client.onerror((text) => told.push(text));
    client.job('t').cancel();
    page.advance(0);
    assert.equal(cancels(page).length, 0);
    assert.deepEqual(told, ['this browser can only load scripts, and cancels no job']);
  });
};
