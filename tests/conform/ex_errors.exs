# Exceptions: their messages, rescue, after, exits, throws, blame's hints.
m = fn f -> try do f.() rescue e -> {e.__struct__, Exception.message(e)} catch k, v -> {k, v} end end
id = fn x -> x end
defmodule MyErr do
  defexception [:code, message: "mine"]
  def f(1), do: :one
  defp g, do: 1
  def h, do: g()
end
blame = fn f -> try do f.() rescue e -> {b, _} = Exception.blame(:error, e, __STACKTRACE__); Exception.message(b) end end
[
  Enum.map([fn -> raise "boom" end, fn -> raise ArgumentError end, fn -> raise MyErr, code: 5 end, fn -> 1 / id.(0) end, fn -> id.(nil).foo end, fn -> id.(%{}).foo end, fn -> Map.fetch!(%{a: 1}, :b) end, fn -> id.(1) + id.("a") end, fn -> hd(id.([])) end, fn -> String.to_integer(id.("x")) end, fn -> MyErr.f(2) end, fn -> MyErr.nope() end, fn -> NoModule.f() end, fn -> {:ok, _} = id.(:error) end, fn -> (case id.(1) do 2 -> 3 end) end, fn -> (cond do id.(false) -> 1 end) end, fn -> id.(3).(1) end, fn -> (fn _ -> 1 end).(1, 2) |> id.() end, fn -> throw(:ball) end, fn -> exit(:bye) end, fn -> Enum.at!([], 0) end, fn -> struct!(MyErr, zz: 1) end, fn -> Keyword.fetch!([], :k) end, fn -> Enum.fetch!([], 3) end, fn -> with(1 <- id.(2), do: 1, else: (3 -> 4)) end, fn -> Integer.parse(id.(:x)) end, fn -> File.read!("/none/such") end, fn -> apply(id.(nil), :f, []) end, fn -> :erlang.error(:custom) end, fn -> :ets.lookup(id.(:none), 1) end, fn -> Enum.map(id.(5), & &1) end, fn -> to_string(id.({1})) end, fn -> Protocol.assert_impl!(Enumerable, Atom) end, fn -> "a" <> id.(1) end, fn -> <<id.(1)::binary>> end, fn -> String.length(id.(1)) end, fn -> Process.sleep(id.(:x)) end], m),
  Enum.map([fn -> id.(%{aple: 1}).apple end, fn -> MyErr.g() end, fn -> MyErr.f(2) end, fn -> Enum.mapp([], 1) end, fn -> Map.fetch!(%{user_name: 1}, :username) end], blame),
  (try do raise "x" rescue RuntimeError -> :rescued after send(self(), :after_ran) end), (receive do :after_ran -> true after 0 -> false end), (try do 1 rescue _ -> 2 else 1 -> :else end), Exception.format(:error, %RuntimeError{message: "m"}, []), Exception.format_exit({:timeout, {GenServer, :call, [:x, :y, 5]}}), Exception.format_stacktrace_entry({MyErr, :f, 1, [file: 'x.ex', line: 3]}), Exception.format_fa(fn -> 1 end, 0) =~ "Function", (try do :erlang.raise(:error, :badarith, []) rescue e in [ArithmeticError] -> e end), (try do Task.await(Task.async(fn -> :v end)) catch :exit, r -> r end)
]
