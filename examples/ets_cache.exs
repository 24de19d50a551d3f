# A cache in an ETS table: many readers, one owner, entries that expire, a hit count.
defmodule Cache do
  use GenServer

  def start_link(opts), do: GenServer.start_link(__MODULE__, opts, name: __MODULE__)

  # Readers go to the table, not through the process.
  def fetch(key, compute) do
    case :ets.lookup(__MODULE__, key) do
      [{^key, value, _}] ->
        :ets.update_counter(__MODULE__, :hits, {2, 1}, {:hits, 0})
        value

      [] ->
        GenServer.call(__MODULE__, {:compute, key, compute})
    end
  end

  def hits, do: :ets.update_counter(__MODULE__, :hits, {2, 0}, {:hits, 0})

  @impl true
  def init(opts) do
    :ets.new(__MODULE__, [:named_table, :public, read_concurrency: true])
    {:ok, opts}
  end

  @impl true
  def handle_call({:compute, key, compute}, _from, opts) do
    value =
      case :ets.lookup(__MODULE__, key) do
        [{^key, value, _}] ->
          value

        [] ->
          value = compute.()
          :ets.insert(__MODULE__, {key, value, System.monotonic_time(:millisecond) + opts[:ttl]})
          value
      end

    {:reply, value, opts}
  end

  def handle_call(:expire_all, _from, opts) do
    far = System.monotonic_time(:millisecond) + 10 * opts[:ttl]
    gone = :ets.select_delete(__MODULE__, [{{:_, :_, :"$1"}, [{:<, :"$1", far}], [true]}])
    {:reply, gone, opts}
  end
end

{:ok, _} = Cache.start_link(ttl: 60_000)
parent = self()

slow_square = fn n ->
  fn ->
    send(parent, {:computed, n})
    n * n
  end
end

results =
  for(n <- 1..200, do: Task.async(fn -> Cache.fetch(rem(n, 10), slow_square.(rem(n, 10))) end))
  |> Task.await_many()

computed = for _ <- 1..10, do: (receive do {:computed, n} -> n end)
IO.inspect(Enum.sum(results), label: "sum of 200 lookups")
IO.inspect(Enum.sort(computed), label: "computed once each")
IO.inspect(receive do {:computed, n} -> n after 0 -> :nothing_more end, label: "computed besides")
IO.inspect(Cache.fetch(3, fn -> raise "never called" end), label: "3 from the cache")
IO.inspect(Cache.hits() > 0, label: "hits were counted")
IO.inspect(GenServer.call(Cache, :expire_all), label: "expired")
IO.inspect(Cache.fetch(3, fn -> :new end), label: "3 computed again")

# An ordered table walks in order.
table = :ets.new(:ordered, [:ordered_set])
:ets.insert(table, for(n <- [5, 1, 4, 2.5, 2, :atom, {1}, "bin", [1]], do: {n, n}))
IO.inspect(:ets.select(table, [{{:"$1", :_}, [], [:"$1"]}]), label: "term order")
IO.inspect({:ets.first(table), :ets.next(table, 2), :ets.prev(table, 5), :ets.last(table)}, label: "first, next, prev, last")
