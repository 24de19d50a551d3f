# quote, unquote, macros, attributes, use, code evaluation, formatting.
defmodule M do
  defmacro unless2(c, do: b), do: quote(do: if(!unquote(c), do: unquote(b)))
  defmacro twice(e), do: quote(do: (x = unquote(e); x + x))
  defmacro __using__(o), do: quote(do: (def opts, do: unquote(o); @before_compile M))
  defmacro __before_compile__(_), do: quote(do: def(injected, do: :yes))
  for {n, v} <- [one: 1, two: 2], do: def(unquote(n)(), do: unquote(v))
  defguard is_big(x) when is_integer(x) and x > 100
end
defmodule U do
  use M, a: 1
  require M
  import M, only: [is_big: 1]
  @doc "d"
  @attr [1, 2]
  @list Enum.map(@attr, &(&1 * 2))
  Module.register_attribute(__MODULE__, :acc, accumulate: true)
  @acc 1
  @acc 2
  def t, do: {M.unless2(false, do: :ran), M.twice(3), @list, @acc, __MODULE__, __ENV__.function}
  def b(x) when is_big(x), do: :big
  def b(_), do: :small
  def d(a, b \\ 5, c \\ 6), do: {a, b, c}
  defdelegate up(s), to: String, as: :upcase
end
x = 7
{v, bs} = Code.eval_string("a = 1; b = a + x; {a, b}", x: 5)
[
  U.t(), U.opts(), U.injected(), M.one() + M.two(), U.b(101), U.b(1), U.d(1), U.d(1, 2), U.up("a"), function_exported?(U, :d, 2), U.__info__(:functions), v, Enum.sort(bs), quote(do: a + unquote(x)), Macro.to_string(quote(do: (fn a, b -> a |> f(b) end))), Macro.expand_once(quote(do: unless(a, do: b)), __ENV__) |> Macro.to_string(), Code.format_string!("def  f(x),do:   x+1\n[1,2 ,3]|>Enum.map( &(&1+1) )") |> IO.iodata_to_binary(), Code.string_to_quoted("1 +"), Code.string_to_quoted!("%{a: 1}.a"), Macro.prewalk(quote(do: 1 + 2), fn i when is_integer(i) -> i * 10; o -> o end) |> Macro.to_string(), Macro.camelize("foo_bar"), Macro.underscore("FooBar.Baz"), Module.concat(A, B), Module.split(A.B), (&(&1 + &2)).(1, 2), (&String.length/1).("abc"), Code.ensure_loaded?(Nope), binding() |> Keyword.keys(), Macro.var(:z, nil), (import Bitwise; bor(1, 6) <<< 2), Code.eval_quoted(quote(do: Enum.sum(1..4))) |> elem(0), Macro.operator?(:+, 2), Macro.validate({:a, [], nil})
]
