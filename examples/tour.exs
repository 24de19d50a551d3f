# The tour: processes, messages, names, and what others see of a crash.
defmodule Tour do
  def greeter do
    receive do
      {:hello, from} -> send(from, {:hello_from, self()})
    end
  end

  def counter(n) do
    receive do
      :up ->
        counter(n + 1)

      {:read, from} ->
        send(from, {:count, n})
        counter(n)

      :stop ->
        :ok
    end
  end

  # The next message that fits, or :nothing.
  def next(wanted) do
    receive do
      message when elem(message, 0) == wanted -> message
    after
      1000 -> :nothing
    end
  end
end

IO.puts("A process answers a message:")
greeter = spawn(Tour, :greeter, [])
send(greeter, {:hello, self()})
IO.inspect(Tour.next(:hello_from) == {:hello_from, greeter}, label: "  the greeter answered")

IO.puts("Messages wait in the mailbox; receive picks the one that fits:")
send(self(), {:first, 1})
send(self(), {:wanted, 42})
IO.inspect(Tour.next(:wanted), label: "  out of turn")
IO.inspect(Tour.next(:first), label: "  and kept")

IO.puts("Processes have names:")
counter = spawn(Tour, :counter, [0])
Process.register(counter, :counter)
IO.inspect(Process.whereis(:counter) == counter, label: "  whereis")
IO.inspect(:counter in Process.registered(), label: "  registered")
for _ <- 1..1000, do: send(:counter, :up)
send(:counter, {:read, self()})
IO.inspect(Tour.next(:count), label: "  counted")
send(:counter, :stop)

IO.puts("A crash is seen by a link:")
Process.flag(:trap_exit, true)
linked = spawn_link(fn -> exit(:on_purpose) end)
{:EXIT, ^linked, reason} = Tour.next(:EXIT)
IO.inspect(reason, label: "  reason")

IO.puts("and by a monitor:")
{watched, ref} = spawn_monitor(fn -> exit({:shutdown, "enough"}) end)
{:DOWN, ^ref, :process, ^watched, reason} = Tour.next(:DOWN)
IO.inspect(reason, label: "  reason")
ref = Process.monitor(watched)
{:DOWN, ^ref, :process, ^watched, reason} = Tour.next(:DOWN)
IO.inspect(reason, label: "  too late")

IO.puts("Without either, nobody else is harmed:")
silent = spawn(fn -> exit(:unseen) end)
IO.inspect(Tour.next(:EXIT), label: "  heard")
IO.inspect(Process.alive?(silent), label: "  alive")

IO.puts("Time passes:")
Process.send_after(self(), {:later, :now}, 10)
IO.inspect(Tour.next(:later), label: "  timer")

IO.puts("Many at once:")
sum = 1..1000 |> Enum.map(fn n -> Task.async(fn -> n * n end) end) |> Task.await_many() |> Enum.sum()
IO.inspect(sum, label: "  1000 tasks")
