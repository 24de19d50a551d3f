# A chat server on :gen_tcp: lines as packets, a process for each connection, a room that monitors them, back-pressure by `active: :once`.
# Without arguments it talks to itself and ends; with a port it serves: `cargo xtask run -- examples/tcp_chat.exs 4040`, then `nc localhost 4040`.
defmodule Room do
  use GenServer

  def start_link(_), do: GenServer.start_link(__MODULE__, nil, name: __MODULE__)
  def join(name), do: GenServer.call(__MODULE__, {:join, name})
  def say(text), do: GenServer.call(__MODULE__, {:say, text})

  @impl true
  def init(_), do: {:ok, %{}}

  @impl true
  def handle_call({:join, name}, {pid, _}, members) do
    if name == "" or Enum.any?(members, fn {_, {other, _}} -> other == name end) do
      {:reply, :taken, members}
    else
      tell(members, "* #{name} joins\n")
      others = members |> Map.values() |> Enum.map(&elem(&1, 0)) |> Enum.sort()
      {:reply, {:ok, others}, Map.put(members, pid, {name, Process.monitor(pid)})}
    end
  end

  def handle_call({:say, text}, {pid, _}, members) do
    {name, _} = members[pid]
    tell(Map.delete(members, pid), "#{name}: #{text}\n")
    {:reply, :ok, members}
  end

  @impl true
  def handle_info({:DOWN, _, _, pid, _}, members) do
    {{name, _}, rest} = Map.pop!(members, pid)
    tell(rest, "* #{name} leaves\n")
    {:noreply, rest}
  end

  defp tell(members, line), do: for({pid, _} <- members, do: send(pid, {:tell, line}))
end

defmodule Chat do
  def listen(port), do: :gen_tcp.listen(port, [:binary, packet: :line, active: false, reuseaddr: true, ip: {127, 0, 0, 1}])

  def accept(listener) do
    {:ok, socket} = :gen_tcp.accept(listener)
    {:ok, pid} = Task.Supervisor.start_child(Guests, fn -> receive(do: (:go -> greet(socket))) end)
    :ok = :gen_tcp.controlling_process(socket, pid)
    send(pid, :go)
    accept(listener)
  end

  defp greet(socket) do
    :ok = :gen_tcp.send(socket, "name?\n")

    with {:ok, line} <- :gen_tcp.recv(socket, 0) do
      case Room.join(String.trim(line)) do
        {:ok, others} ->
          :gen_tcp.send(socket, "here: #{Enum.join(others, " ")}\n")
          loop(socket)

        :taken ->
          greet(socket)
      end
    end
  end

  defp loop(socket) do
    :inet.setopts(socket, active: :once)

    receive do
      {:tcp, ^socket, line} ->
        Room.say(String.trim_trailing(line))
        loop(socket)

      {:tell, line} ->
        :gen_tcp.send(socket, line)
        loop(socket)

      {:tcp_closed, ^socket} ->
        :ok
    end
  end
end

defmodule Guest do
  def connect(port, name) do
    {:ok, socket} = :gen_tcp.connect({127, 0, 0, 1}, port, [:binary, packet: :line, active: false])
    "name?\n" = line(socket)
    say(socket, name)
    socket
  end

  def say(socket, text), do: :ok = :gen_tcp.send(socket, text <> "\n")

  def line(socket) do
    {:ok, line} = :gen_tcp.recv(socket, 0, 5000)
    line
  end

  def hears(socket, name), do: IO.puts("#{name} hears: #{String.trim(line(socket))}")
end

{:ok, _} = Supervisor.start_link([Room, {Task.Supervisor, name: Guests}], strategy: :one_for_one)

case System.argv() do
  [port] ->
    {:ok, listener} = Chat.listen(String.to_integer(port))
    Chat.accept(listener)

  [] ->
    {:ok, listener} = Chat.listen(0)
    {:ok, port} = :inet.port(listener)
    {:ok, _} = Task.start_link(fn -> Chat.accept(listener) end)

    ada = Guest.connect(port, "ada")
    Guest.hears(ada, "ada")
    bob = Guest.connect(port, "bob")
    Guest.hears(bob, "bob")
    Guest.hears(ada, "ada")
    eve = Guest.connect(port, "ada")
    IO.puts("the name ada is taken: #{String.trim(Guest.line(eve))}")
    Guest.say(eve, "eve")
    Guest.hears(eve, "eve")
    Enum.each([{ada, "ada"}, {bob, "bob"}], fn {s, n} -> Guest.hears(s, n) end)

    Guest.say(ada, "hello, grüße")
    Enum.each([{bob, "bob"}, {eve, "eve"}], fn {s, n} -> Guest.hears(s, n) end)

    # Many lines at once: in order, none lost.
    for i <- 1..1000, do: Guest.say(bob, "line #{i}")
    heard = for _ <- 1..1000, do: Guest.line(ada)
    IO.puts("a thousand lines in order: #{heard == for(i <- 1..1000, do: "bob: line #{i}\n")}")
    for _ <- 1..1000, do: Guest.line(eve)

    :gen_tcp.close(bob)
    Enum.each([{ada, "ada"}, {eve, "eve"}], fn {s, n} -> Guest.hears(s, n) end)

    # A hundred guests come and go; the room knows none of them afterwards.
    crowd = for i <- 1..100, do: Guest.connect(port, "guest#{i}")
    for socket <- crowd, do: "here: " <> _ = Guest.line(socket)
    Enum.each(crowd, &:gen_tcp.close/1)
    last = "* guest100 leaves\n"
    events = Stream.repeatedly(fn -> Guest.line(ada) end) |> Enum.take(200)
    IO.puts("ada hears of #{length(events)} comings and goings, #{last in events}")
    IO.puts("members: #{map_size(:sys.get_state(Room))}")
end
