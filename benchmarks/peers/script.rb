# The loops of script.py, for peers in Ruby. A script has migrate, fill and push.
$stdout.sync = true

WARM_UP = 20

def now = Process.clock_gettime(Process::CLOCK_MONOTONIC) # which all processes share

def say(*words) = puts(words.join(" "))

def stamp(number, variable = "BENCH_STAMPS")
  at = Process.clock_gettime(Process::CLOCK_MONOTONIC, :nanosecond)
  ($opened ||= {})[variable] ||= File.open(ENV.fetch(variable), File::WRONLY | File::APPEND | File::CREAT)
  $opened[variable].syswrite("#{number} #{at}\n")
end

def serve(script)
  verb, job, first, second = ARGV
  case verb
  when "migrate" then script.migrate
  when "fill"
    start = now
    last = script.fill(job, first.to_i)
    say("filled", last || "None", now - start)
  when "push"
    WARM_UP.times { |number| script.push(job, number) }
    start = now
    count = 0
    while now - start < first.to_f
      script.push(job, count)
      count += 1
    end
    say("pushed", count, now - start)
  when "pace"
    due = now
    first.to_i.times do |number|
      due += 1.0 / second.to_f
      sleep([0.0, due - now].max)
      stamp(number, "BENCH_PUSHED")
      script.push(job, number)
    end
    say("paced")
  end
end
