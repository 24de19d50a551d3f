# 100,000 processes in a ring; a message goes round, counting.
defmodule Ring do
  def start(n, first) do
    Enum.reduce(1..n, first, fn _, next -> spawn(fn -> hop(next) end) end)
  end

  def hop(next) do
    receive do
      {:token, n} ->
        send(next, {:token, n + 1})
        hop(next)

      :stop ->
        send(next, :stop)
    end
  end
end

n = 100_000
last = Ring.start(n, self())
IO.puts("#{n} processes: #{:erlang.system_info(:process_count) > n}")

for lap <- 1..3 do
  send(last, {:token, 0})

  receive do
    {:token, hops} -> IO.puts("lap #{lap}: #{hops} hops")
  end
end

send(last, :stop)

receive do
  :stop -> IO.puts("all stopped")
end
