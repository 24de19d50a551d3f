# Structs, protocols, behaviours, maps, keywords, access, pattern matching, with, guards.
defmodule Shape do
  defstruct name: "none", sides: 0
  def new(o), do: struct(__MODULE__, o)
end
defmodule Circle do
  @enforce_keys [:r]
  defstruct [:r, unit: :cm]
end
defprotocol Area do
  @fallback_to_any true
  def area(x)
end
defimpl Area, for: Circle do
  def area(c), do: Float.round(3.14 * c.r * c.r, 2)
end
defimpl Area, for: [Integer, Float] do
  def area(n), do: n * n
end
defimpl Area, for: Any do
  def area(_), do: :unknown
end
defimpl String.Chars, for: Shape do
  def to_string(s), do: "shape #{s.name}"
end
defimpl Inspect, for: Circle do
  import Inspect.Algebra
  def inspect(c, opts), do: concat(["#Circle<", to_doc(c.r, opts), ">"])
end
s = Shape.new(name: "sq", sides: 4)
c = struct!(Circle, r: 2)
w = fn x ->
  with {:ok, a} <- Map.fetch(x, :a), b when is_integer(b) <- a, true <- b > 1 do
    {:fine, b}
  else
    :error -> :no_a
    false -> :small
    other -> {:odd, other}
  end
end
nested = %{a: %{b: [%{c: 1}, %{c: 2}]}}
[
  s, %{s | sides: 5}, "#{s}", c, inspect([c]), Area.area(c), Area.area(3), Area.area("x"), Area.impl_for(1.0), is_struct(s), is_struct(s, Circle), Map.from_struct(s), s.__struct__, match?(%{__struct__: Shape, sides: 4}, s),
  Enum.map([%{a: 5}, %{a: 1}, %{}, %{a: :x}], w), get_in(nested, [:a, :b, Access.all(), :c]), put_in(nested.a.b, []), update_in(nested, [:a, :b, Access.at(0), :c], &(&1 + 10)), pop_in(nested, [:a, :b]), Keyword.get([a: 1, a: 2], :a), Keyword.get_values([a: 1, a: 2], :a), Keyword.merge([a: 1], b: 2), Keyword.validate([a: 1], [:a, b: 3]), Map.merge(%{a: 1, b: 2}, %{b: 3}, fn _, x, y -> x + y end), Map.update(%{a: 1}, :a, 0, &(&1 + 1)), Map.pop(%{a: 1}, :a), Map.split(%{a: 1, b: 2}, [:a]), Map.new([1, 2], &{&1, &1}), %{"k" => 1}["k"], nil[:x], [a: 1][:a], MapSet.new([3, 1, 1]), MapSet.union(MapSet.new([1]), MapSet.new([2])), Tuple.append({1}, 2), elem({:a, :b}, 1), (case {1, [2, 3]} do {x, [_ | t]} when x < 2 -> t end), (cond do false -> 1; nil -> 2; true -> 3 end), if(nil, do: 1), unless(false, do: 2), (fn %{a: a} = m, _ -> {a, map_size(m)} end).(%{a: 1, b: 2}, 0), 1 |> Kernel.+(2) |> then(&(&1 * 2)), tap(5, fn _ -> :ignored end), to_string([?a, "b", [?c]]), div(-7, 2), Integer.floor_div(-7, 2), Integer.mod(-7, 3), 7 / 2, 2 ** 10, max(1, :a), [1 | [2]] ++ [3] -- [2], {1, 2} < [1], Version.compare("1.2.3", "1.10.0"), Version.match?("1.5.0", "~> 1.2")
]
