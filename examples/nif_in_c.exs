# Native functions in C (nif_in_c.c), compiled here by the machine's C compiler and loaded through Erlang's usual interface.
dir = Path.join(System.tmp_dir!(), "nif_in_c.#{System.pid()}")
File.mkdir_p!(dir)
source = Path.join(__DIR__, "nif_in_c.c")
include = Path.join([:code.root_dir(), "usr", "include"])
{"", 0} = System.cmd("cc", ["-O2", "-shared", "-fPIC", "-I", include, "-o", Path.join(dir, "native.so"), source], stderr_to_stdout: true)
:persistent_term.put(:native, Path.join(dir, "native"))

defmodule Native do
  @on_load :load
  def load, do: :erlang.load_nif(String.to_charlist(:persistent_term.get(:native)), 0)

  def gcd(_, _), do: :erlang.nif_error(:not_loaded)
  def reverse(_), do: :erlang.nif_error(:not_loaded)
  def counter_new, do: :erlang.nif_error(:not_loaded)
  def counter_add(_, _), do: :erlang.nif_error(:not_loaded)
  def primes(_), do: :erlang.nif_error(:not_loaded)
end

File.rm_rf!(dir)

IO.puts("gcd: #{Native.gcd(1_071, 462)}")
IO.puts("reverse: #{Native.reverse(["native ", ~c"func", "tions"])}")

try do
  Native.gcd(-1, 3)
rescue
  e in ArgumentError -> IO.puts("gcd of a negative number: #{inspect(e.__struct__)}")
end

# A resource is a term like others: sent to processes, counted, and gone when nobody holds it.
counter = Native.counter_new()
tasks = for _ <- 1..100, do: Task.async(fn -> for _ <- 1..100, do: Native.counter_add(counter, 1) end)
Task.await_many(tasks)
IO.puts("a hundred processes counted to #{Native.counter_add(counter, 0)}")
IO.puts("a resource is a #{if is_reference(counter), do: "reference", else: "something else"}")

# The destructor of one that nobody holds any longer tells its owner.
own = fn -> Native.counter_new() |> Native.counter_add(42) end
42 = own.()
:erlang.garbage_collect()
receive do: ({:counter_gone, n} -> IO.puts("a counter ended at #{n}"))

# On a dirty scheduler: others go on meanwhile.
task = Task.async(fn -> Native.primes(5_000_000) end)
ticks = Stream.repeatedly(fn -> Process.sleep(1) end) |> Enum.take(5) |> length()
IO.puts("primes below five million: #{Task.await(task, 30_000)}, #{ticks} ticks meanwhile")
