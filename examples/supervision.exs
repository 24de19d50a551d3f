# A supervision tree that restarts a crashing worker, by every strategy, and gives up when it crashes too often.
Logger.configure(level: :none)
:logger.set_primary_config(:level, :none)

defmodule Worker do
  use GenServer
  def start_link(name), do: GenServer.start_link(__MODULE__, name, name: name)
  def child_spec(name), do: %{id: name, start: {__MODULE__, :start_link, [name]}}

  @impl true
  def init(name), do: {:ok, name}

  @impl true
  def handle_call(:who, _from, name), do: {:reply, name, name}
  @impl true
  def handle_cast(:crash, _name), do: raise("crashed on purpose")
end

defmodule Wait do
  # Until the condition holds: restarts happen in the supervisor's own time.
  def until(condition) do
    unless condition.() do
      Process.sleep(1)
      until(condition)
    end
  end
end

names = [:first, :second, :third]

for strategy <- [:one_for_one, :one_for_all, :rest_for_one] do
  {:ok, supervisor} = Supervisor.start_link(Enum.map(names, &{Worker, &1}), strategy: strategy)
  before = Map.new(names, &{&1, Process.whereis(&1)})
  GenServer.cast(:second, :crash)
  Wait.until(fn -> Process.whereis(:second) not in [nil, before.second] end)
  # All children answer before the comparison.
  Wait.until(fn -> Enum.all?(names, &Process.whereis/1) end)
  ^names = Enum.map(names, &GenServer.call(&1, :who))
  restarted = Enum.filter(names, &(Process.whereis(&1) != before[&1]))
  IO.puts("#{strategy}: :second crashed, restarted were #{inspect(restarted)}")
  IO.inspect(Supervisor.count_children(supervisor), label: "  children")
  Supervisor.stop(supervisor)
end

# Too often: the supervisor itself ends.
Process.flag(:trap_exit, true)
{:ok, supervisor} = Supervisor.start_link([{Worker, :first}], strategy: :one_for_one, max_restarts: 2, max_seconds: 60)

for _ <- 1..3 do
  old = Process.whereis(:first)
  GenServer.cast(:first, :crash)
  Wait.until(fn -> Process.whereis(:first) != old end)
  Wait.until(fn -> Process.whereis(:first) != nil or not Process.alive?(supervisor) end)
end

receive do
  {:EXIT, ^supervisor, reason} -> IO.puts("after three crashes the supervisor ends: #{inspect(reason)}")
end

# Children that come and go.
{:ok, supervisor} = DynamicSupervisor.start_link(strategy: :one_for_one)
{:ok, child} = DynamicSupervisor.start_child(supervisor, {Worker, :guest})
IO.inspect(DynamicSupervisor.count_children(supervisor).active, label: "dynamic children")
:ok = DynamicSupervisor.terminate_child(supervisor, child)
IO.inspect(DynamicSupervisor.count_children(supervisor).active, label: "and after it was ended")
