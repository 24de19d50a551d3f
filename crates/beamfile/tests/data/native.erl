%% Native records, which only OTP 29 and later have.
-module(native).
-export([new/1, name/1, older/1, is_user/1, field/1]).
-record #user{id = -1, name, city = "here", big = 123456789012345678901234567890}.
-export_record([user]).

new(Name) -> #user{name = Name}.
name(#user{name = N}) -> N;
name(_) -> none.
older(#user{id = Id} = U) -> U#user{id = Id + 1}.
is_user(X) when is_record(X, user) -> true;
is_user(_) -> false.
field(X) -> X#user.city.
