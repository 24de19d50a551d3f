# An HTTP server in plain Elixir: :gen_tcp reads the requests (`packet: :http_bin`), a supervisor keeps the acceptors, each connection is a
# task of its own, so a handler that crashes is one answer less and nothing more. The client is :httpc.
# With a port it serves: `cargo xtask run -- examples/http_server.exs 8080`.
defmodule Counter do
  use Agent
  def start_link(_), do: Agent.start_link(fn -> 0 end, name: __MODULE__)
  def next, do: Agent.get_and_update(__MODULE__, &{&1 + 1, &1 + 1})
end

defmodule Routes do
  def handle(:GET, "/", _), do: {200, "welcome\n"}
  def handle(:GET, "/count", _), do: {200, "#{Counter.next()}\n"}
  def handle(:POST, "/upper", body), do: {200, String.upcase(body)}
  def handle(:GET, "/crash", _), do: raise("as asked")
  def handle(:GET, "/sum/" <> numbers, _), do: {200, "#{numbers |> String.split(",") |> Enum.map(&String.to_integer/1) |> Enum.sum()}\n"}
  def handle(_, _, _), do: {404, "not here\n"}
end

defmodule Http do
  use Supervisor

  def start_link(port), do: Supervisor.start_link(__MODULE__, port, name: __MODULE__)

  @impl true
  def init(port) do
    {:ok, listener} = :gen_tcp.listen(port, [:binary, packet: :http_bin, active: false, reuseaddr: true, backlog: 512, ip: {127, 0, 0, 1}])
    :persistent_term.put(:listener, listener)
    acceptors = for i <- 1..4, do: Supervisor.child_spec({Task, fn -> accept(listener) end}, id: {:acceptor, i}, restart: :permanent)
    Supervisor.init([Counter, {Task.Supervisor, name: Connections} | acceptors], strategy: :one_for_one)
  end

  def port, do: :persistent_term.get(:listener) |> :inet.port() |> elem(1)

  defp accept(listener) do
    {:ok, socket} = :gen_tcp.accept(listener)
    {:ok, pid} = Task.Supervisor.start_child(Connections, fn -> receive(do: (:go -> serve(socket))) end)
    :ok = :gen_tcp.controlling_process(socket, pid)
    send(pid, :go)
    accept(listener)
  end

  # Connections are kept alive: request after request.
  defp serve(socket) do
    case :gen_tcp.recv(socket, 0, 10_000) do
      {:ok, {:http_request, method, {:abs_path, path}, _}} ->
        headers = headers(socket, %{})
        body = body(socket, String.to_integer(headers["content-length"] || "0"))
        {status, answer} = Routes.handle(method, path, body)
        close = headers["connection"] == "close"
        :ok = :gen_tcp.send(socket, ["HTTP/1.1 #{status} #{if status == 200, do: "OK", else: "Not Found"}\r\ncontent-length: #{byte_size(answer)}\r\n\r\n", answer])
        if close, do: :gen_tcp.close(socket), else: serve(socket)

      {:ok, {:http_error, _}} ->
        :gen_tcp.send(socket, "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        :gen_tcp.close(socket)

      {:error, _} ->
        :ok
    end
  end

  defp headers(socket, seen) do
    case :gen_tcp.recv(socket, 0, 10_000) do
      {:ok, {:http_header, _, name, _, value}} -> headers(socket, Map.put(seen, name |> to_string() |> String.downcase(), String.downcase(value)))
      {:ok, :http_eoh} -> seen
    end
  end

  defp body(_, 0), do: ""

  defp body(socket, size) do
    :inet.setopts(socket, packet: :raw)
    {:ok, body} = :gen_tcp.recv(socket, size, 10_000)
    :inet.setopts(socket, packet: :http_bin)
    body
  end
end

Logger.configure(level: :none)

case System.argv() do
  [port] ->
    {:ok, _} = Http.start_link(String.to_integer(port))
    Process.sleep(:infinity)

  [] ->
    {:ok, _} = Http.start_link(0)
    {:ok, _} = Application.ensure_all_started(:inets)
    url = fn path -> ~c"http://127.0.0.1:#{Http.port()}#{path}" end

    get = fn path ->
      case :httpc.request(:get, {url.(path), []}, [timeout: 5000], body_format: :binary) do
        {:ok, {{_, status, _}, _, body}} -> "#{status} #{String.trim(body)}"
        {:error, _} -> "no answer"
      end
    end

    for path <- ["/", "/count", "/count", "/sum/1,2,39", "/nothing"], do: IO.puts("GET #{path}: #{get.(path)}")

    {:ok, {{_, 200, _}, _, upper}} =
      :httpc.request(:post, {url.("/upper"), [], ~c"text/plain", String.duplicate("grow ", 20_000)}, [], body_format: :binary)

    IO.puts("POST /upper: #{byte_size(upper)} bytes, #{String.slice(upper, 0, 9)}")
    IO.puts("GET /crash: #{get.("/crash")}")
    IO.puts("GET /: #{get.("/")}")

    # An acceptor that dies is replaced.
    [{_, victim, _, _} | _] = Supervisor.which_children(Http) |> Enum.filter(&match?({{:acceptor, _}, _, _, _}, &1))
    Process.exit(victim, :kill)
    IO.puts("GET / after an acceptor's end: #{get.("/")}")

    # Bytes that are no request.
    {:ok, socket} = :gen_tcp.connect({127, 0, 0, 1}, Http.port(), [:binary, active: false])
    :ok = :gen_tcp.send(socket, "what is this\r\n\r\n")
    {:ok, "HTTP/1.1 400" <> _} = :gen_tcp.recv(socket, 0, 5000)
    IO.puts("nonsense: 400")

    # Fifty clients at once, each with its own connection.
    before = Counter.next()

    answers =
      1..50
      |> Task.async_stream(
        fn _ ->
          {:ok, s} = :gen_tcp.connect({127, 0, 0, 1}, Http.port(), [:binary, active: false])

          for _ <- 1..20 do
            :ok = :gen_tcp.send(s, "GET /count HTTP/1.1\r\nhost: x\r\n\r\n")
            {:ok, "HTTP/1.1 200 OK" <> _ = answer} = :gen_tcp.recv(s, 0, 5000)
            answer |> String.split("\r\n\r\n") |> List.last() |> String.trim() |> String.to_integer()
          end
        end,
        max_concurrency: 50,
        timeout: 30_000
      )
      |> Enum.flat_map(fn {:ok, numbers} -> numbers end)

    IO.puts("fifty clients: #{Enum.sort(answers) == Enum.to_list((before + 1)..(before + 1000))}")
end
