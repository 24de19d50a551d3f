%% What a comprehension's binary takes: just its size where that is known; appending takes twice as much and more.
-module(binary_room).
-export([main/0]).
main() ->
    %% Turning this on prints a warning through the logger, which is not this case's matter.
    logger:set_primary_config(level, none),
    erts_debug:set_internal_state(available_internal_state, true),
    I = fun(B) -> {refc_binary, Size, {binary, Room}, _} = erts_debug:get_internal_state({binary_info, B}), {Size, Room} end,
    L = lists:seq(1, 5), Big = list_to_binary(lists:duplicate(100, 7)), Y = <<Big/binary, 1>>,
    R = [I(<< <<X>> || X <- L >>), I(<< <<X:3>> || X <- L >>), I(<< <<X:X>> || X <- L >>), I(<< <<X>> || X <- L, X > 2 >>), I(<< <<X>> || X <- [] >>),
         I(Big), I(Y), I(<<Y/binary, 2>>), I(binary:copy(Y)), I(binary:part(Big, 2, 90)), erts_debug:get_internal_state({binary_info, <<1, 2>>})],
    erts_debug:set_internal_state(available_internal_state, false),
    logger:set_primary_config(level, notice), R.
