%% Terms of every sort go into a table and come out the same; what the table holds does not change with what made it.
-module(ets_terms).
-export([main/0]).
main() ->
    F = fun(X) -> X + 1 end, R = make_ref(), B = list_to_binary(lists:duplicate(1000, $x)), <<_:7, Sub:500/bitstring, _/bitstring>> = B,
    Terms = [0, -1, 1 bsl 59, 1 bsl 60, 1 bsl 200, -(1 bsl 70), 1.5, -0.0, atom, [], "text", {}, {1, {2, {3}}}, <<>>, <<1, 2, 3>>, <<5:3>>, B, Sub, binary:part(B, 10, 900), #{}, #{a => 1, "b" => {c}}, maps:from_list([{I, {I}} || I <- lists:seq(1, 100)]), F, fun lists:map/2, R, self(), lists:seq(1, 1000), [a | b], hd(erlang:ports())],
    [[begin
          T = ets:new(t, [Type, {keypos, 2}]), [ets:insert(T, {I, X, [X]}) || {I, X} <- lists:zip(lists:seq(1, length(Terms)), Terms)], erlang:garbage_collect(),
          Found = [ets:lookup(T, X) =:= [{I, X, [X]}] || {I, X} <- lists:zip(lists:seq(1, length(Terms)), Terms)],
          Element = [ets:lookup_element(T, X, 3) =:= [X] orelse ets:lookup_element(T, X, 3) =:= [[X]] || X <- Terms],
          Selected = [ets:select(T, [{{'_', X, '$1'}, [], ['$1']}]) =:= [[X]] || X <- Terms, not is_map(X)], Const = [ets:select(T, [{{I, '$1', '_'}, [{'=:=', '$1', {const, X}}], [{const, X}]}]) =:= [X] || {I, X} <- lists:zip(lists:seq(1, length(Terms)), Terms)],
          Size = ets:info(T, size), Del = [ets:delete(T, X) || X <- Terms], {Type, lists:usort(Found), lists:usort(Element), lists:usort(Selected), lists:usort(Const), Size =:= length(Terms), lists:usort(Del), ets:info(T, size)}
      end || Type <- [set, ordered_set, bag, duplicate_bag]],
     begin T = ets:new(t, []), ets:insert(T, {f, F}), [{f, G}] = ets:lookup(T, f), G(41) end,
     begin N = ets:new(t, []), ets:insert(N, {z, 0.0}), ets:insert(N, {0.0, pos}), ets:lookup(N, 0.0) end,
     begin S = ets:new(s, []), ets:insert(S, [{1, int}, {1.0, float}]), O = ets:new(s, [ordered_set]), ets:insert(O, [{1, int}, {1.0, float}]), {ets:info(S, size), ets:lookup(S, 1), ets:lookup(S, 1.0), ets:tab2list(O), ets:lookup(O, 1)} end].
