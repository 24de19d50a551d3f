# A cluster of two nodes: processes, names and failures across them. The other node is a program of its own, started by OTP's :peer.
{:module, Store, store, _} =
  defmodule Store do
    use GenServer
    def start(name), do: GenServer.start(__MODULE__, %{}, name: name)
    def put(server, key, value), do: GenServer.call(server, {:put, key, value})
    def get(server, key), do: GenServer.call(server, {:get, key})

    @impl true
    def init(state), do: {:ok, state}

    @impl true
    def handle_call({:put, key, value}, _, state), do: {:reply, :ok, Map.put(state, key, value)}

    def handle_call({:get, key}, {pid, _}, state),
      do: {:reply, {state[key], if(node(pid) == node(), do: :asked_from_here, else: :asked_from_elsewhere)}, state}
  end

{:module, Cluster, cluster, _} =
  defmodule Cluster do
    def start(modules) do
      System.cmd("epmd", ["-daemon"])
      {:ok, _} = Node.start(:"first_#{System.pid()}", :shortnames)
      paths = Enum.flat_map(:code.get_path(), &[~c"-pa", &1])
      {:ok, peer, other} = :peer.start(%{name: :"second_#{System.pid()}", args: paths, wait_boot: 30_000})
      for {module, code} <- modules, do: {:module, ^module} = :erpc.call(other, :code, :load_binary, [module, ~c"nofile", code])
      :ok = :global.sync()
      {peer, other}
    end

    def together(other) do
      IO.puts("nodes: #{length(Node.list())}, the other knows #{:erpc.call(other, fn -> length(Node.list()) end)}")

      # A server over there, under a name that both know.
      {:ok, _} = :erpc.call(other, Store, :start, [{:global, :store}])
      :ok = Store.put({:global, :store}, :answer, 42)
      IO.inspect(Store.get({:global, :store}, :answer))
      IO.inspect(:erpc.call(other, Store, :get, [{:global, :store}, :answer]))

      # Work on both nodes at once.
      sums = :erpc.multicall([node(), other], fn -> Enum.sum(1..1_000_000) end)
      IO.inspect(Keyword.values(sums), label: "sums")

      # Closures and large terms travel.
      data = for i <- 1..50_000, into: %{}, do: {i, "value #{i}"}
      IO.puts("a map of #{:erpc.call(other, fn -> map_size(data) end)} entries")

      # Output of a process over there comes out here, where its group leader is.
      :erpc.call(other, fn -> IO.puts("printed by the other node") end)
    end

    # A group of processes, one here and two there.
    def group(other) do
      :erpc.multicall([node(), other], fn ->
        {:ok, pid} = :pg.start(:groups)
        Process.unlink(pid)
      end)

      for where <- [node(), other, other] do
        Node.spawn(where, fn ->
          :pg.join(:groups, :workers, self())
          Process.sleep(:infinity)
        end)
      end

      wait(fn -> length(:pg.get_members(:groups, :workers)) == 3 end)
      IO.puts("workers: 3, of which here: #{length(:pg.get_local_members(:groups, :workers))}")
    end

    # The other node ends: links, monitors, names and groups tell.
    def alone(peer, other) do
      Process.flag(:trap_exit, true)
      :net_kernel.monitor_nodes(true)
      linked = Node.spawn_link(other, Process, :sleep, [:infinity])
      Process.monitor(linked)
      :peer.stop(peer)

      told =
        for _ <- 1..3 do
          receive do
            {:EXIT, ^linked, reason} -> "link: #{reason}"
            {:DOWN, _, _, ^linked, reason} -> "monitor: #{reason}"
            {:nodedown, ^other} -> "nodedown"
          end
        end

      told |> Enum.sort() |> Enum.each(&IO.puts/1)
      wait(fn -> length(:pg.get_members(:groups, :workers)) == 1 end)
      wait(fn -> :global.whereis_name(:store) == :undefined end)
      IO.puts("workers left: 1, and the name is free")

      try do
        Store.get({:global, :store}, :answer)
      catch
        :exit, {:noproc, _} -> IO.puts("nobody there to ask")
      end
    end

    defp wait(condition), do: condition.() || (Process.sleep(10) && wait(condition))
  end

{peer, other} = Cluster.start([{Store, store}, {Cluster, cluster}])
Cluster.together(other)
Cluster.group(other)
Cluster.alone(peer, other)
