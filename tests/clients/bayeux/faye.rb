# Faye's client in Ruby. ARGV: the transport, the address.
require 'eventmachine'
require 'faye'
require 'json'

transport, url = ARGV
$stdout.sync = true

def tell(event, more = {})
  puts JSON.generate({ event: event }.merge(more))
end

class Watch
  def incoming(message, callback)
    reset = message['ext'] && message['ext']['longpoll'] && message['ext']['longpoll']['reset']
    tell('reset') if reset
    tell('session', id: message['clientId']) if message['channel'] == '/meta/handshake'
    callback.call(message)
  end
end

def obey(client, told)
  channel = told['channel']
  case told['do']
  when 'subscribe'
    subscription = client.subscribe(channel).with_channel { |on, data| tell('message', channel: on, data: data) }
    subscription.callback { tell('subscribed', channel: channel) }
    subscription.errback { |error| tell('refused', channel: channel, error: error.to_s) }
  when 'publish'
    publication = client.publish(channel, told['data'])
    publication.callback { tell('published') }
    publication.errback { |error| tell('failed', error: error.to_s) }
  end
end

EventMachine.run do
  client = Faye::Client.new(url, retry: 0.5)
  client.disable('websocket') unless transport == 'websocket'
  client.add_extension(Watch.new)
  client.on('transport:up') { tell('up') }
  client.on('transport:down') { tell('down') }
  Thread.new do
    $stdin.each_line { |line| EventMachine.schedule { obey(client, JSON.parse(line)) } }
    EventMachine.schedule do
      client.disconnect
      EventMachine.add_timer(0.2) { EventMachine.stop }
    end
  end
end
