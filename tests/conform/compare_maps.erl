%% Maps compare by size, then keys, then values; integer keys come before equal floats.
-module(compare_maps).
-export([main/0]).
main() ->
    Big = fun(N) -> maps:from_list([{I, I} || I <- lists:seq(1, N)]) end,
    [lists:sort([#{b => 1}, #{a => 2}, #{a => 1, b => 1}, #{}, #{1 => x}, #{1.0 => x}, #{2 => x}, #{"s" => 1}]),
     Big(40) == Big(40), Big(40) =:= Big(40), Big(40) < Big(41), Big(40) > (Big(40))#{40 => 0}, Big(40) < (Big(40))#{40 => 41},
     (Big(40))#{7 := 7.0} == Big(40), (Big(40))#{7 := 7.0} =:= Big(40), maps:remove(40, Big(40)) < maps:remove(1, Big(40)),
     #{1 => a, 2.0 => b} < #{1 => a, 2 => b}, #{a => #{b => 1}} == #{a => #{b => 1.0}}].
