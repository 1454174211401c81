# Sidekiq's jobs and its side of script.py. Loaded by sidekiq itself as well, which then works.
require "sidekiq"
require_relative "script"

redis = { url: ENV.fetch("BENCH_URL") }
Sidekiq.configure_client { |config| config.redis = redis }
Sidekiq.configure_server do |config|
  config.redis = redis
  config.logger.level = Logger::WARN
  config.on(:startup) { say("ready") }
end

class Noop
  include Sidekiq::Worker

  def perform(number); end
end

class Wait
  include Sidekiq::Worker

  def perform(number) = sleep(0.001)
end

class Stamp
  include Sidekiq::Worker

  def perform(number) = stamp(number)
end

JOBS = { "noop" => Noop, "wait" => Wait, "stamp" => Stamp }.freeze
CHUNK = 1_000 # what its documentation advises

class Script
  def migrate; end

  def fill(job, count)
    (0...count).each_slice(CHUNK) do |numbers|
      Sidekiq::Client.push_bulk("class" => JOBS.fetch(job), "args" => numbers.map { |number| [number] })
    end
    nil
  end

  def push(job, number) = JOBS.fetch(job).perform_async(number)
end

serve(Script.new) unless Sidekiq.server?
