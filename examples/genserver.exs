# A GenServer: calls, casts, a timeout, a crash with a reason, and a name.
defmodule Account do
  use GenServer

  def start_link(opts), do: GenServer.start_link(__MODULE__, opts[:balance], name: __MODULE__)
  def deposit(n), do: GenServer.cast(__MODULE__, {:deposit, n})
  def withdraw(n), do: GenServer.call(__MODULE__, {:withdraw, n})
  def balance, do: GenServer.call(__MODULE__, :balance)

  @impl true
  def init(balance), do: {:ok, balance, {:continue, :opened}}

  @impl true
  def handle_continue(:opened, balance) do
    IO.puts("opened with #{balance}")
    {:noreply, balance}
  end

  @impl true
  def handle_cast({:deposit, n}, balance), do: {:noreply, balance + n}

  @impl true
  def handle_call(:balance, _from, balance), do: {:reply, balance, balance}
  def handle_call({:withdraw, n}, _from, balance) when n > balance, do: {:reply, {:error, :short}, balance}
  def handle_call({:withdraw, n}, _from, balance), do: {:reply, {:ok, balance - n}, balance - n}

  def handle_call(:slow, from, balance) do
    # Answered later, by somebody else.
    spawn(fn -> GenServer.reply(from, :at_last) end)
    {:noreply, balance}
  end

  @impl true
  def handle_info(:tick, balance) do
    IO.puts("tick")
    {:noreply, balance}
  end

  @impl true
  def terminate(reason, balance), do: IO.puts("closed with #{balance}: #{inspect(reason)}")
end

{:ok, pid} = Account.start_link(balance: 10)
Account.deposit(32)
IO.inspect(Account.balance(), label: "balance")
IO.inspect(Account.withdraw(100), label: "withdraw 100")
IO.inspect(Account.withdraw(2), label: "withdraw 2")
IO.inspect(GenServer.call(pid, :slow), label: "answered by another process")
send(pid, :tick)
IO.inspect(:sys.get_state(pid), label: "state")

IO.inspect(
  try do
    GenServer.call(:nobody, :balance)
  catch
    :exit, {reason, {GenServer, :call, _}} -> reason
  end,
  label: "call to nobody"
)

GenServer.stop(pid)
IO.inspect(Process.alive?(pid), label: "alive")
