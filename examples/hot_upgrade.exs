# Hot code upgrade: a running GenServer gets new code and a new form of state, and loses neither its pid nor its count.
Code.compiler_options(ignore_module_conflict: true)

Code.compile_string("""
defmodule Meter do
  use GenServer
  @vsn 1
  def init(n), do: {:ok, n}
  def handle_call(:add, _from, n), do: {:reply, n + 1, n + 1}
  def handle_call(:version, _from, n), do: {:reply, {1, n}, n}
end
""")

{:ok, meter} = GenServer.start_link(Meter, 0)
for _ <- 1..5, do: GenServer.call(meter, :add)
IO.inspect(GenServer.call(meter, :version), label: "before")

:ok = :sys.suspend(meter)

Code.compile_string("""
defmodule Meter do
  use GenServer
  @vsn 2
  def init(n), do: {:ok, %{count: n, since: 0}}
  def handle_call(:add, _from, s), do: {:reply, s.count + 1, %{s | count: s.count + 1}}
  def handle_call(:version, _from, s), do: {:reply, {2, s}, s}
  def code_change(1, n, extra), do: {:ok, %{count: n, since: extra}}
end
""")

IO.inspect(:erlang.check_old_code(Meter), label: "old code kept for who still runs it")
:ok = :sys.change_code(meter, Meter, 1, :upgrade_day)
:ok = :sys.resume(meter)

IO.inspect(GenServer.call(meter, :version), label: "after")
IO.inspect(GenServer.call(meter, :add), label: "goes on")
IO.inspect(:erlang.check_process_code(meter, Meter), label: "still in old code")
IO.inspect(:code.soft_purge(Meter), label: "purged")
IO.inspect(:erlang.check_old_code(Meter), label: "old code")

# A process that lives in old code is ended by a hard purge.
Code.compile_string("defmodule Loop do def run, do: (receive do :stop -> :ok end) end")
stuck = spawn(&Loop.run/0)
Process.sleep(5)
ref = Process.monitor(stuck)
Code.compile_string("defmodule Loop do def run, do: :new end")
IO.inspect(:erlang.check_process_code(stuck, Loop), label: "stuck in old code")
IO.inspect(:code.soft_purge(Loop), label: "soft purge")
IO.inspect(:code.purge(Loop), label: "purge ended somebody")
receive do {:DOWN, ^ref, _, _, reason} -> IO.inspect(reason, label: "stuck ended") end
