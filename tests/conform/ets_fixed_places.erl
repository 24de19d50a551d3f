%% A fixed table keeps its places, whatever is deleted; when it is loosened it goes on as usual.
-module(ets_fixed_places).
-export([main/0]).
main() -> [fixed(O) || O <- [[], [public], [bag, public]]].
places(T) -> element(1, ets:info(T, stats)).
fixed(O) ->
    T = ets:new(t, O),
    ets:insert(T, [{I, I} || I <- lists:seq(1, 20000)]),
    ets:safe_fixtable(T, true),
    P = places(T),
    First = ets:first(T),
    N = ets:select_delete(T, [{{'$1', '_'}, [{'=<', '$1', 10000}], [true]}]),
    A = places(T) =:= P,
    [ets:delete(T, I) || I <- lists:seq(10001, 20000)],
    B = places(T) =:= P,
    C = [ets:info(T, size), ets:info(T, fixed), ets:next(T, First), ets:tab2list(T)],
    ets:insert(T, [{I, again} || I <- lists:seq(1, 10)]),
    ets:safe_fixtable(T, false),
    D = [ets:info(T, size), lists:sort(ets:tab2list(T))],
    [ets:delete(T, I) || I <- lists:seq(1, 9)],
    [N, A, B, C, D, ets:tab2list(T), ets:first(T)].
