# Agent, Task, Registry, GenServer options, supervisors, links, ETS from Elixir.
Logger.configure(level: :none)
{:ok, a} = Agent.start_link(fn -> %{n: 0} end)
for _ <- 1..10, do: Agent.update(a, &%{&1 | n: &1.n + 1})
{:ok, _} = Registry.start_link(keys: :unique, name: Reg)
{:ok, _} = Registry.start_link(keys: :duplicate, name: Pub)
for t <- [:x, :x, :y], do: Registry.register(Pub, t, nil)
Registry.dispatch(Pub, :x, fn es -> for {p, _} <- es, do: send(p, :published) end)
{:ok, _} = Agent.start_link(fn -> 5 end, name: {:via, Registry, {Reg, "k"}})
parent = self()
{:ok, sup} = Task.Supervisor.start_link()
t = Task.Supervisor.async_nolink(sup, fn -> raise "x" end)
defmodule Cnt do
  use GenServer
  def init(n), do: {:ok, n, 5}
  def handle_info(:timeout, n), do: {:noreply, {:timed_out, n}}
  def handle_call(:get, _, n), do: {:reply, n, n, :hibernate}
  def handle_cast({:set, n}, _), do: {:noreply, n}
end
{:ok, g} = GenServer.start_link(Cnt, 1)
Process.sleep(30)
[
  Agent.get(a, & &1.n), Agent.get_and_update(a, &{&1.n, %{&1 | n: 0}}), Agent.stop(a), (for _ <- 1..2, do: (receive do :published -> :p after 100 -> :none end)), Agent.get({:via, Registry, {Reg, "k"}}, & &1), Registry.count(Reg), Registry.keys(Pub, self()) |> Enum.sort(), length(Registry.lookup(Reg, "k")), Registry.lookup(Reg, "none"),
  Task.async(fn -> 6 * 7 end) |> Task.await(), Task.yield(Task.async(fn -> Process.sleep(200) end), 10), Task.yield_many([Task.async(fn -> 1 end)], 100) |> Enum.map(&elem(&1, 1)), Task.async_stream(1..5, fn x -> x * x end, max_concurrency: 2) |> Enum.to_list(), (case Task.yield(t, 500) || Task.shutdown(t) do {:exit, {%RuntimeError{message: m}, _}} -> m end), GenServer.call(g, :get), GenServer.cast(g, {:set, 9}), GenServer.call(g, :get), GenServer.whereis(g) == g, Process.alive?(g), (Process.flag(:trap_exit, true); p = spawn_link(fn -> exit(:b) end); receive do {:EXIT, ^p, r} -> r end), (pid = spawn(fn -> receive do {:q, f} -> send(f, :a) end end); send(pid, {:q, parent}); receive do :a -> :answered end), Process.get(:none, :default), (Process.put(:k, 1); Process.get(:k)), is_reference(make_ref()), Process.info(self(), :trap_exit), GenServer.multi_call([node()], :nobody, :x), (try do GenServer.call(:nobody, :x) catch :exit, e -> e end), node(), Node.alive?(), (t2 = :ets.new(:t, []); :ets.insert(t2, a: 1); :ets.tab2list(t2)), System.get_env("NOT_SET_AT_ALL"), is_integer(System.monotonic_time()), :persistent_term.get(:fb_none, 0), PartitionSupervisor.__info__(:module)
]
